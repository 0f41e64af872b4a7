"""Every schedule is an NCRONTAB expression of six fields that croniter can follow."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.checks import bicep
from infra.checks.problem import Problem
from local.host.errors import ScheduleError
from local.host.ncrontab import Schedule
from shared.settings.settings import Settings

_SIX: Final = 6
_NAME: Final = re.compile(r"schedule$", re.IGNORECASE)
_PARAMETERS: Final = "infra/main.parameters.json"


def check(folder: Path) -> list[Problem]:
    """Find schedules in Bicep, in the parameters and in the code that no timer could follow."""
    return [
        Problem(
            file,
            f"{name} is {value!r}: {fault}",
            "Write second minute hour day month weekday",
            line,
        )
        for file, name, value, line in (*_bicep(folder), *_parameters(folder), *_code())
        if (fault := _fault(value))
    ]


def _fault(value: str) -> str:
    if not value:
        return ""  # not set: the app's own default holds
    if len(value.split()) != _SIX:
        return f"{len(value.split())} fields"
    try:
        Schedule.parse(value)
    except ScheduleError as error:
        return str(error)
    return ""


def _bicep(folder: Path) -> Iterator[tuple[str, str, str, int | None]]:
    for file in bicep.files(folder):
        for parameter in file.of_kind("parameter").values():
            value = bicep.literal(parameter.value)
            if _NAME.search(parameter.name) and isinstance(value, str):
                yield file.name, parameter.name, value, parameter.line
        for node in bicep.walk(file.root):
            if node.type == "object":
                for name, value_node in bicep.properties(node).items():
                    value = bicep.literal(value_node)
                    if _NAME.search(name) and isinstance(value, str):
                        yield file.name, name, value, bicep.line(value_node)


def _parameters(folder: Path) -> Iterator[tuple[str, str, str, int | None]]:
    path = folder / _PARAMETERS
    if path.is_file():
        parameters = json.loads(path.read_text(encoding="utf-8")).get("parameters", {})
        for name, entry in parameters.items():
            default = re.sub(r"^\$\{\w+=?(.*)\}$", r"\1", str(entry.get("value", "")))
            if _NAME.search(name):
                yield _PARAMETERS, name, default, None


def _code() -> Iterator[tuple[str, str, str, int | None]]:
    for name, field in Settings.model_fields.items():
        if _NAME.search(name):
            yield "shared/settings/settings.py", str(field.alias), str(field.default), None
