"""Reads the predicted deployments, which the other checks ask, and checks that they are fresh."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.checks.problem import Problem
from infra.predictions import PREDICTED, SUMS, sums


@dataclass(frozen=True)
class Resource:
    """One resource as Azure would get it. `deployment` is the snapshot's path in the folder."""

    deployment: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        """Such as `Microsoft.Storage/storageAccounts`."""
        return str(self.body["type"])

    @property
    def name(self) -> str:
        """The last part of its name: `moves` of `stcontoso/default/moves`."""
        return str(self.body["name"]).rpartition("/")[2]

    def at(self, *path: str) -> Any:
        """The value at a path below `properties`, or None."""
        value = self.body.get("properties")
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value


def stage(folder: Path, one: Resource) -> str:
    """The name of the Bicep file that a resource's deployment is of, such as `eventgrid.bicep`."""
    way = folder / one.deployment.replace(".snapshot.json", ".bicepparam")
    text = way.read_text(encoding="utf-8")
    name = text.partition("using '../")[2].partition("'")[0]
    return "" if name == "main.bicep" else name


def resources(folder: Path, *types: str) -> list[Resource]:
    """The resources of all predicted deployments, or those of these types."""
    return [
        Resource(path.relative_to(folder).as_posix(), body)
        for path in sorted((folder / PREDICTED).glob("*.snapshot.json"))
        for body in json.loads(path.read_text(encoding="utf-8"))["predictedResources"]
        if not types or body["type"] in types
    ]


def interface(folder: Path, entry_point: str) -> dict[str, Any]:
    """Parameters and outputs of `main` or `eventgrid`, and of `main` which parameter fills which setting."""
    path = folder / PREDICTED / f"{entry_point}.interface.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def check(folder: Path) -> list[Problem]:
    """Find sources that changed since the predictions were written, and predictions edited by hand."""
    path = folder / SUMS
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.is_file() else []
    changed = sorted({line.split()[1] for line in set(lines) ^ set(sums(folder))})
    do = "Run make plan, and review what it changes"
    return [Problem(name, f"is not what {SUMS} says", do) for name in changed]
