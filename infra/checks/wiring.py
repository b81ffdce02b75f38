"""Checks the root template against its nested ones: each gets exactly the parameters it declares, and each output exists."""

import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])
read = lambda name: json.loads((folder / f"{name}.json").read_text())
root = read("template")
parts = {name: part for name, part in root["Resources"].items() if part["Type"] == "AWS::Serverless::Application"}
stems = {name: Path(part["Properties"]["Location"]).stem for name, part in parts.items()}
faults = []


def references(value):
    """Every `PART.Outputs.NAME` in a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Fn::GetAtt":
                yield ".".join(inner) if isinstance(inner, list) else inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


for name, part in parts.items():
    declared, given = set(read(stems[name])["Parameters"]), set(part["Properties"]["Parameters"])
    faults += [f"{name} gets no value for {missing}" for missing in sorted(declared - given)]
    faults += [f"{name} declares no {unknown}" for unknown in sorted(given - declared)]
for reference in references([root["Resources"], root["Outputs"]]):
    part, _, output = reference.split(".", 2)
    if output not in read(stems[part])["Outputs"]:
        faults.append(f"{part} has no output {output}")
alone = {path.stem for path in folder.glob("*.json")} - set(stems.values()) - {"template", "signing", "pipeline"}
faults += [f"the root template does not use {stem}.yaml" for stem in sorted(alone)]
sys.exit("\n".join(faults) or None)
