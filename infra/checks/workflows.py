"""GitHub workflows run pinned actions with few permissions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from infra.checks.problem import Problem

_USES: Final = re.compile(r"^\s*(?:- )?uses:\s*(\S+)(.*)$")
_PINNED: Final = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_VERSION: Final = re.compile(r"\s+# v\d+(\.\d+)*\s*")
_MAY_WRITE: Final = {"id-token"}
"""Permissions that a job may hold with `write`: id-token is how federated credentials work."""


def check(folder: Path) -> list[Problem]:
    """Find actions that are not pinned by commit, and workflows that may do more than they need."""
    return [
        problem
        for path in sorted((folder / ".github" / "workflows").glob("*.y*ml"))
        for problem in (*_actions(folder, path), *_permissions(folder, path))
    ]


def _actions(folder: Path, path: Path) -> Iterator[Problem]:
    name = path.relative_to(folder).as_posix()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = _USES.match(line)
        if not found or found[1].startswith("./"):
            continue
        if not _PINNED.fullmatch(found[1]):
            yield Problem(
                name, f"{found[1]} is not pinned", "Name the commit by its 40 hex digits", number
            )
        elif not _VERSION.fullmatch(found[2]):
            yield Problem(
                name, f"{found[1]} does not say its version", "Add the comment # vX.Y.Z", number
            )


def _permissions(folder: Path, path: Path) -> Iterator[Problem]:
    name = path.relative_to(folder).as_posix()
    try:
        content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        yield Problem(name, f"no YAML: {str(error).splitlines()[0]}", "Mend it")
        return
    if not isinstance(content.get("permissions"), dict):
        yield Problem(name, "no permissions for the whole workflow", "Set permissions: {} or less")
    jobs = content.get("jobs", {})
    for place, holder in [("the workflow", content), *jobs.items()]:
        granted = holder.get("permissions") or {}
        if not isinstance(granted, dict):
            yield Problem(name, f"{place} has permissions {granted!r}", "Name each permission")
            continue
        for permission, level in granted.items():
            if level == "write" and permission not in _MAY_WRITE:
                yield Problem(name, f"{place} may write {permission}", "Grant read or nothing")
    # YAML 1.1 reads the key `on` as true.
    if "pull_request_target" in str(content.get("on", content.get(True, ""))):
        yield Problem(name, "runs on pull_request_target", "Use pull_request: it holds no secrets")
