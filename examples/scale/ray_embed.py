"""Embeds the texts of Parquet files with Ray Data: a gguf-embed process for each actor, Parquet in, Parquet out.

    pip install "ray[data]" pyarrow
    python ray_embed.py MODEL.gguf INPUT OUTPUT [OPTIONS of embed]

INPUT (a file or a folder) has a column `text`; OUTPUT is a folder of files with the same columns and `embedding`. When a process fails, its
actor ends with it, and Ray gives the batch to a new one. The model must be at the same path on every machine.
GGUF_EMBED is the command (default: gguf-embed), RAY_ACTORS the number of actors (default: one for each CPU of the cluster), RAY_ADDRESS the cluster.
"""

import json
import os
import shlex
import subprocess
import sys
import threading

import pyarrow as pa
import ray

model, source, target, *options = sys.argv[1:]
command = [*shlex.split(os.environ.get("GGUF_EMBED", "gguf-embed")), "embed", "-m", model, "--jsonl", "--threads", "1", *options]


class Embed:
    """An actor with a process that answers each line, a text, with its vector."""

    def __init__(self):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def __call__(self, batch):
        # Sends in a thread: the process stops reading when nobody takes its answers.
        lines = [json.dumps(text) + "\n" for text in batch["text"].to_pylist()]
        threading.Thread(target=self.send, args=(lines,), daemon=True).start()
        answers = [self.process.stdout.readline() for _ in lines]
        if not all(answers):
            print(f"gguf-embed ended with exit code {self.process.wait()}", file=sys.stderr, flush=True)
            os._exit(1)  # Ends the actor. Ray starts another one, and gives it the batch.
        vectors = [json.loads(answer) for answer in answers]
        return batch.append_column("embedding", pa.array(vectors, type=pa.list_(pa.float32())))

    def send(self, lines):
        try:
            self.process.stdin.writelines(lines)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # The missing answers say it.


ray.init()
actors = ray.data.ActorPoolStrategy(size=int(os.environ.get("RAY_ACTORS", ray.cluster_resources()["CPU"])))
texts = ray.data.read_parquet(source).repartition(target_num_rows_per_block=1024)
# Half a CPU for each actor: reading and writing are tasks of Ray, too, and need the rest.
how = {"batch_size": 256, "batch_format": "pyarrow", "compute": actors, "num_cpus": 0.5, "max_restarts": -1, "max_task_retries": 3}
embedded = texts.map_batches(Embed, **how)
embedded.write_parquet(target, mode="overwrite")
