"""Transforms the expanded templates from SAM to CloudFormation: transform.py FOLDER-OF-EXPANDED FOLDER."""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

source, target = map(Path, sys.argv[1:])
target.mkdir(parents=True, exist_ok=True)
for path in sorted(source.glob("*.json")):
    template = json.loads(path.read_text())
    if path.stem != "template" and "Transform" in template:
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = "s3://artifacts/code.zip"
        parameters = {name: parameter.get("Default", "x") for name, parameter in template.get("Parameters", {}).items()}
        template = Translator({}, Parser()).translate(template, parameters)
        template.pop("Transform", None)
    (target / path.name).write_text(json.dumps(template, default=str, indent=1))
