"""Parameters, outputs and tags agree with the parameter files and with azure.yaml."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tree_sitter import Node

from infra.checks import bicep
from infra.checks.bicep import BicepFile
from infra.checks.manifest import services
from infra.checks.problem import Problem

FROM_AZD: Final = {
    "environmentName": "${AZURE_ENV_NAME}",
    "location": "${AZURE_LOCATION}",
    "principalId": "${AZURE_PRINCIPAL_ID}",
}
"""Parameters that azd fills from its own environment ("Environment variables", azd documentation)."""

OUTPUTS: Final = (
    "AZURE_LOCATION",
    "AZURE_TENANT_ID",
    "RESOURCE_GROUP",
    "SERVICE_API_NAME",
    "AZURE_FUNCTION_NAME",
)
_MAIN, _VALUES = "infra/main.bicep", "infra/main.parameters.json"


def check(folder: Path) -> list[Problem]:
    """Find what one side has and the other has not, and resources without tags."""
    if not (folder / _MAIN).is_file():
        return [Problem(_MAIN, "there is no such file", "Restore it")]
    main = bicep.parse(folder / _MAIN, folder)
    return [
        *_values(folder, main),
        *_second_stage(folder),
        *_outputs(main),
        *_tags(folder, main),
    ]


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        return {}
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["parameters"]
    return {parameter: entry["value"] for parameter, entry in values.items()}


def _values(folder: Path, main: BicepFile) -> Iterator[Problem]:
    values, parameters = _read(folder, _VALUES), main.of_kind("parameter")
    for name in sorted(set(values) - set(parameters)):
        yield Problem(_VALUES, f"{_MAIN} has no parameter {name}", "Remove or declare it")
    for name, parameter in parameters.items():
        if name not in values:
            yield Problem(
                _VALUES, f"parameter {name} of {_MAIN} is not filled", "Add it with its variable"
            )
            continue
        filled = re.fullmatch(r"\$\{([A-Z][A-Z0-9_]*)(?:=(.*))?\}", str(values[name]))
        if filled is None or values[name] != FROM_AZD.get(name, values[name]):
            yield Problem(
                _VALUES,
                f"{name} is {values[name]!r}",
                f"Write {FROM_AZD.get(name, 'a variable, ${NAME} or ${NAME=default}')}",
            )
        elif parameter.value is not None and (filled[2] or "") != _written(parameter.value):
            yield Problem(
                _VALUES,
                f"{name} falls back to {filled[2] or ''!r}, in {_MAIN} to {_written(parameter.value)!r}",
                "Write the same default in both",
            )


def _written(node: Node) -> str:
    value = bicep.literal(node)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _second_stage(folder: Path) -> Iterator[Problem]:
    """The file of constants for infra/eventgrid.bicep holds parameters that are there."""
    path = folder / "infra/eventgrid.bicep"
    if path.is_file():
        known = bicep.parse(path, folder).of_kind("parameter")
        for name in sorted(set(_read(folder, "infra/eventgrid.parameters.json")) - set(known)):
            yield Problem(
                "infra/eventgrid.parameters.json",
                f"infra/eventgrid.bicep has no parameter {name}",
                "Remove or declare it",
            )


def _outputs(main: BicepFile) -> Iterator[Problem]:
    for name in OUTPUTS:
        if name not in main.of_kind("output"):
            yield Problem(_MAIN, f"there is no output {name}", "Add it: azd and the docs use it")


def _tags(folder: Path, main: BicepFile) -> Iterator[Problem]:
    tags = [
        {name: bicep.literal(value) for name, value in bicep.properties(node).items()}
        for node in bicep.walk(main.root)
        if node.type == "object"
    ]
    if not any("azd-env-name" in one for one in tags):
        yield Problem(_MAIN, "no tag azd-env-name", "Add it to the tags: azd finds resources by it")
    for service in services(folder):
        if not any(one.get("azd-service-name") == service for one in tags):
            yield Problem(
                _MAIN,
                f"no tag azd-service-name: '{service}', the service of azure.yaml",
                "Tag the function app with it: azd deploy finds the app by it",
            )
    for file in bicep.files(folder):
        for one in file.of_kind("resource").values():
            own = bicep.properties(one.value)
            if not one.existing and "location" in own and "tags" not in own:
                yield Problem(file.name, f"{one.name} has no tags", "Pass them on", one.line)
