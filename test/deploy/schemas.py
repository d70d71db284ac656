"""Checks manifests by the schemas of Compose, Kubernetes and KEDA, as they are and with a property that no schema has.

Usage: python schemas.py FOLDER COMPOSE_FILE MANIFEST...
FOLDER has a wheel with the schema of Compose. Prints as JSON how many were accepted and how many of the changed ones refused.
"""

import copy
import glob
import json
import sys
import zipfile

import jsonschema
import kubernetes_validate
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject

folder, compose_file, *manifests = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(f"{folder}/docker_compose-*.whl")[0])
compose_schema = json.loads(wheel.read("compose/config/compose_spec.json"))


def check_compose(data):
    jsonschema.validate(data, compose_schema)


def check_manifest(data):
    if data["kind"] == "ScaledObject":
        # The model leaves out what its schema does not have.
        model = ScaledObject.model_validate(data)
        if json.loads(model.model_dump_json(by_alias=True, exclude_unset=True)) != data:
            raise ValueError("a property that the schema does not have")
        return
    # Two years old, as clusters are.
    kubernetes_validate.validate(data, "1.31", strict=True)


counts = {"accepted": 0, "refused": 0}
for path, check in [(compose_file, check_compose)] + [(path, check_manifest) for path in manifests]:
    with open(path) as file:
        data = yaml.safe_load(file)
    check(data)
    counts["accepted"] += 1
    changed = copy.deepcopy(data)
    changed["services" if check is check_compose else "metadata"]["unknown"] = {"property": []}
    try:
        check(changed)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError, ValueError):
        counts["refused"] += 1
print(json.dumps(counts))
