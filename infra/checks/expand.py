"""Writes templates as JSON into a folder, with YAML's aliases and short tags spelt out, which cfn-guard cannot read."""

import json
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for template in map(Path, sys.argv[2:]):
    (folder / f"{template.stem}.json").write_text(json.dumps(yaml_parse(template.read_text()), default=str, indent=1))
