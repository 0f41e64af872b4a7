"""azure.yaml has the form that azd reads, and what it names is there.

`azure.schema.json` is hand-made and holds only what this project uses; azd's own ("azure.yaml schema",
Azure Developer CLI documentation) knows more.
"""

import json
from collections.abc import Iterator
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
    if content is None:
        return [Problem(_NAME, "there is no such file, or it is no YAML", "Restore it")]
    schema = Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))
    faults = [
        Problem(_NAME, f"{error.json_path}: {error.message}", "Compare with azure.schema.json")
        for error in schema.iter_errors(content)
    ]
    return faults or list(_paths(folder, content))


def services(folder: Path) -> list[str]:
    """The names of the services in azure.yaml; none when there is no such file."""
    content = _read(folder) or {}
    return sorted(content.get("services") or {})


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        content = yaml.safe_load((folder / _NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None


def _paths(folder: Path, content: dict[str, Any]) -> Iterator[Problem]:
    infra = content["infra"]
    module = f"{infra['path']}/{infra['module']}.bicep"
    paths = [module, *(service["project"] for service in content["services"].values())]
    for hook in content.get("hooks", {}).values():
        words = hook["run"].split()
        paths += [word for word in words if word.endswith((".py", ".sh", ".ps1"))]
    for path in paths:
        if not (folder / path).exists():
            yield Problem(_NAME, f"{path} is not there", "Mend the path")
