"""Bicep's own compiler finds nothing: errors, lint, format, and predictions other than the committed ones."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.checks.problem import Problem
from infra.compiler import CompilerError, Request, ask, find, result
from infra.predictions import predict, requests, ways

_DOCS: Final = "https://aka.ms/bicep"


def check(folder: Path) -> list[Problem]:
    """Compile every entry point and every way of deploying. A warning is an error."""
    command = find()
    if command is None:
        return []  # infra.checks says so in one line
    files = [*sorted((folder / "infra").rglob("*.bicep")), *ways(folder)]
    asked = [*requests(folder), *(("compileParams", way) for way in ways(folder))]
    asked += [("format", path) for path in files]
    try:
        answers = ask(command, asked)
        problems = [*_diagnostics(folder, answers), *_format(folder, answers)]
        return problems or list(_predictions(folder, answers))
    except CompilerError as error:
        return [Problem("infra", str(error), "Unset BICEP to skip it, or correct its path")]


def _diagnostics(folder: Path, answers: dict[Request, dict[str, Any]]) -> Iterator[Problem]:
    for (method, _), answer in answers.items():
        if method in ("compile", "compileParams"):
            for found in result(answer)["diagnostics"]:
                if found["level"] != "Info":
                    yield _problem(folder, found)


def _problem(folder: Path, found: dict[str, Any]) -> Problem:
    path, code = Path(found["source"]), found["code"]
    start, end = found["range"]["start"], found["range"]["end"]
    line = path.read_text(encoding="utf-8").splitlines()[start["line"]]
    value = line[start["char"] : end["char"] if end["line"] == start["line"] else None].strip()
    kind = "core" if code.startswith("BCP") else "linter"
    return Problem(
        path.relative_to(folder).as_posix(),
        f"{code} at {value}: {' '.join(found['message'].split()).rstrip('.')}",
        f"Fix it; {_DOCS}/{kind}-diagnostics#{code} explains it",
        start["line"] + 1,
    )


def _format(folder: Path, answers: dict[Request, dict[str, Any]]) -> Iterator[Problem]:
    for (method, path), answer in answers.items():
        if method == "format" and result(answer)["contents"] != path.read_text(encoding="utf-8"):
            name = path.relative_to(folder).as_posix()
            yield Problem(name, "is not formatted", f"Run bicep format {name}")


def _predictions(folder: Path, answers: dict[Request, dict[str, Any]]) -> Iterator[Problem]:
    for name, text in predict(answers).items():
        path = folder / name
        if not path.is_file():
            yield Problem(name, "is not there", "Run make plan")
        elif (committed := path.read_text(encoding="utf-8")) != text:
            differing = ", ".join(sorted(_changed(committed, text))) or "parameters or outputs"
            wrong = f"the compiler predicts otherwise: {differing}"
            yield Problem(name, wrong, "Run make plan, and review")


def _changed(committed: str, fresh: str) -> set[str]:
    """The resources that stand in one of the two only, or otherwise."""
    old, new = (json.loads(text).get("predictedResources", []) for text in (committed, fresh))
    changed = [*(one for one in old if one not in new), *(one for one in new if one not in old)]
    return {f"{one['type']} {one['name']}" for one in changed}
