"""Event subscriptions lose nothing: undelivered events are kept, and they reach a function that is there."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.checks import bicep
from infra.checks.bicep import BicepFile, Declaration
from infra.checks.problem import Problem

CODE: Final = Path(__file__).parents[2]
_PARAMETERS: Final = "infra/eventgrid.parameters.json"


def check(folder: Path) -> list[Problem]:
    """Find event subscriptions without dead-lettering or retries, and functions that are not there."""
    return [*_subscriptions(folder), *_function(folder)]


def event_grid_functions() -> set[str]:
    """The names of the app's functions that an Event Grid trigger starts."""
    names = set()
    for path in sorted((CODE / "functions").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and any(
                "event_grid_trigger" in ast.unparse(one) for one in node.decorator_list
            ):
                names.add(node.name)
    return names


def _subscriptions(folder: Path) -> Iterator[Problem]:
    for file in bicep.files(folder):
        for one in file.of_kind("resource").values():
            if one.type.casefold().endswith("/eventsubscriptions") and not one.existing:
                yield from _faults(file, one)


def _faults(file: BicepFile, one: Declaration) -> Iterator[Problem]:
    destination = bicep.at(
        one.value,
        "properties",
        "deadLetterWithResourceIdentity",
        "deadLetterDestination",
        "properties",
        "blobContainerName",
    )
    if destination is None:
        yield Problem(
            file.name,
            f"event subscription {one.name} has no dead-letter destination with an identity",
            "Set deadLetterWithResourceIdentity; shared keys are off, so deadLetterDestination"
            " alone cannot write",
            one.line,
        )
    if bicep.literal(bicep.at(one.value, "properties", "eventDeliverySchema")) != (
        "CloudEventSchemaV1_0"
    ):
        yield Problem(
            file.name,
            f"event subscription {one.name} does not deliver CloudEvents 1.0",
            "Set eventDeliverySchema to CloudEventSchemaV1_0: the function takes no other",
            one.line,
        )
    for name in ("maxDeliveryAttempts", "eventTimeToLiveInMinutes"):
        if bicep.at(one.value, "properties", "retryPolicy", name) is None:
            yield Problem(
                file.name,
                f"event subscription {one.name} leaves retryPolicy.{name} open",
                "Set it",
                one.line,
            )


def _function(folder: Path) -> Iterator[Problem]:
    path = folder / _PARAMETERS
    if not path.is_file():
        yield Problem(_PARAMETERS, "there is no such file", "Restore it")
        return
    parameters = json.loads(path.read_text(encoding="utf-8"))["parameters"]
    name = parameters.get("functionName", {}).get("value")
    known = event_grid_functions()
    if name not in known:
        yield Problem(
            _PARAMETERS,
            f"functionName is {name!r}",
            f"Name the app's Event Grid function: {', '.join(sorted(known))}",
        )
