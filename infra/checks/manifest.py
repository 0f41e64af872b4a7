"""azure.yaml has the form that azd reads, and what it names is there.

`azure.schema.json` is hand-made and holds only what this project uses; azd's own ("azure.yaml schema",
Azure Developer CLI documentation) knows more.
"""

import json
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator

from infra.checks.problem import Problem

_NAME: Final = "azure.yaml"
_SCHEMA: Final = Path(__file__).with_name("azure.schema.json")


def check(folder: Path) -> list[Problem]:
    """Find what azd would not understand, and paths that lead nowhere."""
    content = _read(folder)
    schema = Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))
    faults = [
        Problem(_NAME, f"{error.json_path}: {error.message}", "Compare with azure.schema.json")
        for error in schema.iter_errors(content)
    ]
    if faults:
        return faults
    paths = [f"{content['infra']['path']}/{content['infra']['module']}.bicep"]
    paths += [service["project"] for service in content["services"].values()]
    paths += [hook["run"] for hook in content["hooks"].values()]
    lost = (path for path in paths if not (folder / path).exists())
    return [Problem(_NAME, f"{path} is not there", "Correct the path") for path in lost]


def services(folder: Path) -> list[str]:
    """The names of the services in azure.yaml."""
    return sorted(_read(folder)["services"])


def _read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / _NAME).read_text(encoding="utf-8"))
    return content
