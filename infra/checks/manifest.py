"""azure.yaml has the form that azd reads, and what it names is there.

The schema is hand-made and holds only what this project uses; azd's own ("azure.yaml schema", Azure
Developer CLI documentation) knows more.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator

from infra.checks.problem import Problem

_NAME: Final = "azure.yaml"
_HOOK: Final = {
    "type": "object",
    "required": ["run"],
    "additionalProperties": False,
    "properties": {
        "shell": {"enum": ["sh", "pwsh"]},
        "kind": {"enum": ["sh", "pwsh", "python"]},
        "run": {"type": "string", "minLength": 1},
        "continueOnError": {"type": "boolean"},
        "interactive": {"type": "boolean"},
        "windows": {"type": "object"},
        "posix": {"type": "object"},
    },
}
SCHEMA: Final = {
    "type": "object",
    "required": ["name", "infra", "services"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$"},
        "metadata": {"type": "object", "properties": {"template": {"type": "string"}}},
        "infra": {
            "type": "object",
            "required": ["provider", "path", "module"],
            "additionalProperties": False,
            "properties": {
                "provider": {"const": "bicep"},
                "path": {"type": "string"},
                "module": {"type": "string"},
            },
        },
        "services": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["project", "language", "host"],
                "additionalProperties": False,
                "properties": {
                    "project": {"type": "string"},
                    "language": {"enum": ["py", "python"]},
                    "host": {"const": "function"},
                },
            },
        },
        "hooks": {
            "type": "object",
            "propertyNames": {"pattern": "^(pre|post)(up|provision|package|deploy|down)$"},
            "additionalProperties": _HOOK,
        },
    },
}


def check(folder: Path) -> list[Problem]:
    """Find what azd would not understand, and paths that lead nowhere."""
    content = _read(folder)
    if content is None:
        return [Problem(_NAME, "there is no such file, or it is no YAML", "Restore it")]
    faults = [
        Problem(
            _NAME, f"{error.json_path}: {error.message}", "Compare with the schema of azure.yaml"
        )
        for error in Draft202012Validator(SCHEMA).iter_errors(content)
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
