"""Embeds the texts of Parquet files with Apache Spark: a gguf-embed process for each running task, Parquet in, Parquet out.

    pip install pyspark pandas pyarrow
    spark-submit spark_embed.py MODEL.gguf INPUT.parquet OUTPUT [OPTIONS of embed]

INPUT has a column `text`; OUTPUT has the same columns and `embedding`. When a process or a machine fails, Spark computes the partition
again on another one, and only whole partitions are part of the output. With `--on-error skip`, a text that cannot be used gets no vector.
The model must be at the same path on every machine.
GGUF_EMBED is the command (default: gguf-embed), SPARK_MASTER the cluster (default: this machine, four attempts at each task).
"""

import json
import os
import shlex
import subprocess
import sys
import threading

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, FloatType, StructField, StructType

model, source, target, *options = sys.argv[1:]
command = [*shlex.split(os.environ.get("GGUF_EMBED", "gguf-embed")), "embed", "-m", model, "--jsonl", "--threads", "1", *options]


class Worker:
    """A process that answers each line, a text, with its vector."""

    def __init__(self):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def embed(self, texts):
        # Sends in a thread: the process stops reading when nobody takes its answers.
        sending = threading.Thread(target=self.send, args=([json.dumps(text) + "\n" for text in texts],), daemon=True)
        sending.start()
        answers = [self.process.stdout.readline() for _ in texts]
        if not all(answers):
            raise RuntimeError(f"gguf-embed ended with exit code {self.process.wait()}")
        return [json.loads(answer) for answer in answers]

    def send(self, lines):
        try:
            self.process.stdin.writelines(lines)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # The missing answers say it.


def embed_partition(batches):
    worker = Worker()
    try:
        for batch in batches:
            yield batch.assign(embedding=pd.Series(worker.embed(batch["text"]), index=batch.index))
    finally:
        worker.process.kill()


spark = SparkSession.builder.master(os.environ.get("SPARK_MASTER", "local[*,4]")).appName("gguf-embed").getOrCreate()
texts = spark.read.parquet(source)
vectors = StructField("embedding", ArrayType(FloatType(), containsNull=False))
embedded = texts.mapInPandas(embed_partition, StructType([*texts.schema.fields, vectors]))
embedded.write.mode("overwrite").parquet(target)
spark.stop()
