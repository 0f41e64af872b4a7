"""The predicted deployments of `infra/predicted`: what each way of deploying would create (`make plan`).

A `.bicepparam` file is one way. Its snapshot holds every resource as Azure would get it, sorted, so
that a review sees a change of the infrastructure as the resources that it changes. `*.interface.json`
is what an entry point takes and gives. SHA256SUMS tells whether all of them are as old as the sources:
the compiler is not needed for that.
"""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from infra.compiler import HOW_TO_GET_IT, CompilerError, Request, ask, find, result

ROOT: Final = Path(__file__).parents[1]
PREDICTED: Final = "infra/predicted"
SUMS: Final = f"{PREDICTED}/SHA256SUMS"
ENTRY_POINTS: Final = ("main", "eventgrid", "eventgrid-queue")
_SUMMED: Final = (
    *("*.bicep", "app/*.bicep", "abbreviations.json", "bicepconfig.json", "queries/*.kql"),
    *("predicted/*.bicepparam", "predicted/*.json"),
)


def ways(folder: Path) -> list[Path]:
    """The `.bicepparam` files, sorted."""
    return sorted((folder / PREDICTED).glob("*.bicepparam"), key=lambda way: way.stem)


def requests(folder: Path) -> list[Request]:
    """The request to the compiler for the predictions."""
    entry_points = [("compile", folder / f"infra/{name}.bicep") for name in ENTRY_POINTS]
    return [*entry_points, *(("getSnapshot", way) for way in ways(folder)), ("version", folder)]


def predict(answers: dict[Request, dict[str, Any]]) -> dict[str, str]:
    """The files to be written, by their paths relative to the folder. CompilerError: it refuses."""
    files = {}
    for (method, path), answer in answers.items():
        if method == "compile":
            interface = _interface(path, result(answer))
            files[f"{PREDICTED}/{path.stem}.interface.json"] = _text(interface)
        elif method == "getSnapshot":
            snapshot = json.loads(result(answer)["snapshot"])
            snapshot["predictedResources"].sort(key=lambda resource: str(resource["id"]))
            for resource in snapshot["predictedResources"]:
                if text := resource.get("properties", {}).get("serializedData"):
                    # A workbook's content as an object: as a text it would be one line of 10 kB.
                    resource["properties"]["serializedData"] = json.loads(text)
            files[f"{PREDICTED}/{path.stem}.snapshot.json"] = _text(snapshot)
    return files


def sums(folder: Path) -> list[str]:
    """The SHA-256 and path of every source and of every prediction, as in SHA256SUMS."""
    paths = sorted(path for pattern in _SUMMED for path in (folder / "infra").glob(pattern))
    return [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}"
        for path in paths
    ]


def write(folder: Path, command: str) -> None:
    """Write the predictions and SHA256SUMS; remove those of ways that are gone. CompilerError."""
    answers = ask(command, requests(folder))
    files = predict(answers)
    for old in (folder / PREDICTED).glob("*.json"):
        old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    version = result(answers["version", folder])["version"]
    text = "\n".join([f"# Bicep {version}", *sums(folder), ""])
    (folder / SUMS).write_text(text, encoding="utf-8")


def table(folder: Path = ROOT) -> str:
    """The Markdown table of docs/deploy.md: how many resources of which type each way creates."""
    counts = {}
    for way in ways(folder):
        snapshot = json.loads(way.with_suffix(".snapshot.json").read_text(encoding="utf-8"))
        counts[way.stem] = Counter(one["type"] for one in snapshot["predictedResources"])
    types = sorted({kind for one in counts.values() for kind in one})
    rows = [
        ["resources", *(f"[{way}](../{PREDICTED}/{way}.snapshot.json)" for way in counts)],
        ["---", *("---:" for _ in counts)],
        *([kind, *(str(one[kind] or "") for one in counts.values())] for kind in types),
        ["all", *(str(one.total()) for one in counts.values())],
    ]
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([f"Predicted with {compiler_version(folder)}:", "", *lines])


def compiler_version(folder: Path = ROOT) -> str:
    """What made the predictions, such as `Bicep 0.49.2`."""
    first, _, _ = (folder / SUMS).read_text(encoding="utf-8").partition("\n")
    return first.removeprefix("# ")


def main() -> None:
    """Write them for this project; exits with a text where that cannot be."""
    command = find()
    if command is None:
        sys.exit(f"no Bicep compiler: {HOW_TO_GET_IT}")
    try:
        write(ROOT, command)
    except CompilerError as error:
        sys.exit(f"{error}; make check names file and line")


def _interface(path: Path, compiled: dict[str, Any]) -> dict[str, Any]:
    """Parameters and outputs of an entry point, and which parameter fills which app setting."""
    if not compiled["success"]:
        raise CompilerError(f"{path.name} does not compile")
    template = json.loads(compiled["contents"])
    interface = {part: template.get(part, {}) for part in ("parameters", "outputs")}
    if path.stem == "main":
        [api] = (one for one in template["resources"] if one["name"] == "api")
        interface["appSettings"] = api["properties"]["parameters"]["appSettings"]["value"]
    return interface


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
