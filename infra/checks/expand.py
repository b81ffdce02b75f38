"""Writes templates as JSON to a folder, with YAML's aliases and short tags expanded, for the checks beside it: expand.py FOLDER FILE..."""

import json
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for template in map(Path, sys.argv[2:]):
    (folder / f"{template.stem}.json").write_text(json.dumps(yaml_parse(template.read_text()), default=str, indent=1))
