"""Makes the input of the examples with Spark and Ray, and compares an output with what `embed --output` wrote.

Usage: scale.py make INPUT.parquet | scale.py compare EXPECTED.parquet OUTPUT. Prints `same` when OUTPUT has each row once with the same bits.
"""

import random
import sys

import numpy as np
import pyarrow
import pyarrow.parquet

if sys.argv[1] == "make":
    random.seed(7)
    words = "the quick brown fox jumps over a lazy dog while models embed many texts".split()
    texts = [" ".join(random.choices(words, k=random.randint(2, 60))) for _ in range(1200)]
    pyarrow.parquet.write_table(pyarrow.table({"id": list(range(len(texts))), "text": texts}), sys.argv[2])
else:
    expected, output = (pyarrow.parquet.read_table(path).sort_by("id") for path in sys.argv[2:4])
    vectors = [np.array(table["embedding"].to_pylist(), dtype=np.float32) for table in (expected, output)]
    rows = [table.select(["id", "text"]).to_pylist() for table in (expected, output)]
    print("same" if rows[0] == rows[1] and np.array_equal(*vectors) else "different")
