"""Records the vectors of known models as transformers computes them in float32, for scripts/check-real-models.mjs.

    pip install torch transformers
    python scripts/check_real_models.py numbers.json [NAME...]

Adds to the numbers that the file has already. A model that cannot be loaded is reported and left out.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

path, names = Path(sys.argv[1]), sys.argv[2:]
script = Path(__file__).with_name("check-real-models.mjs")
listed = json.loads(subprocess.run(["node", str(script), "--list"], check=True, capture_output=True).stdout)
numbers = json.loads(path.read_text()) if path.exists() else {}


def pooled(hidden, kind):
    if kind == "mean":
        return hidden.mean(0)
    return hidden[0] if kind == "cls" else hidden[-1]


for model in listed["models"]:
    if names and model["name"] not in names:
        continue
    try:
        tokenizer = AutoTokenizer.from_pretrained(model["original"])
        network = AutoModel.from_pretrained(model["original"], dtype=torch.float32).eval()
        with torch.no_grad():
            rows = []
            for text in listed["texts"]:
                inputs = tokenizer(text, truncation=True, return_tensors="pt")
                vector = pooled(network(**inputs).last_hidden_state[0], model["pooling"])
                rows.append(torch.nn.functional.normalize(vector, dim=0).tolist())
    except Exception as error:  # a repository that is gone, gated, or needs its own code
        print(f"{model['name']}: {error}", file=sys.stderr)
        continue
    numbers[model["name"]] = rows
    path.write_text(json.dumps(numbers))
    print(model["name"])
