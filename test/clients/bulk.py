"""Reads the outputs of `embed --output` with pyarrow, pandas, DuckDB, polars and numpy: all hold the vectors of the JSON lines.

Usage: bulk.py FOLDER, with FOLDER/TYPE.jsonl, .parquet, .arrow and .npy for each type. Prints what each reader says of the columns.
"""

import json
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.ipc
import pyarrow.parquet

folder = sys.argv[1]
types = {"float": np.float32, "int8": np.int8, "uint8": np.uint8, "binary": np.int8, "ubinary": np.uint8}
answers = {}
for name, dtype in types.items():
    path = f"{folder}/{name}"
    with open(f"{path}.jsonl", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    expected = np.array([row["embedding"] for row in rows], dtype=dtype)

    def same(vectors):
        return bool(np.array_equal(np.asarray(vectors, dtype=dtype), expected))

    parquet = pyarrow.parquet.read_table(f"{path}.parquet")
    arrow = pyarrow.ipc.open_file(f"{path}.arrow").read_all()
    table = duckdb.sql(f"select * from '{path}.parquet'")
    in_polars = pl.read_parquet(f"{path}.parquet")
    answers[name] = {
        "pyarrow": [str(parquet.schema.field("embedding").type), same(parquet["embedding"].to_pylist())],
        "arrow": [str(arrow.schema.field("embedding").type), same(arrow["embedding"].to_pylist())],
        "pandas": same(pd.read_parquet(f"{path}.parquet")["embedding"].tolist()),
        "duckdb": [str(table.types[-3]), same([row[-3] for row in table.fetchall()])],
        "polars": [str(in_polars.schema["embedding"]), same(in_polars["embedding"].to_list())],
        "polars_ipc": same(pl.read_ipc(f"{path}.arrow")["embedding"].to_list()),
        "numpy": [str(np.load(f"{path}.npy").dtype), same(np.load(f"{path}.npy"))],
        "fields": [parquet.to_pylist()[i][key] == row[key] for i, row in enumerate(rows) for key in ("id", "text", "n_tokens")],
    }
print(json.dumps(answers))

parquet = pd.DataFrame({"id": [10, 11], "text": ["a text", "another"], "when": pd.to_datetime(["2024-01-02 03:04:05.678901"] * 2)})
parquet.to_parquet(f"{folder}/from-pandas.parquet")
pl.DataFrame({"id": [10, 11], "text": ["a text", "another"]}).write_parquet(f"{folder}/from-polars.parquet", compression="gzip")
duckdb.sql(f"copy (select 10 + range as id, case range when 0 then 'a text' else 'another' end as text from range(2)) to '{folder}/from-duckdb.parquet'")
