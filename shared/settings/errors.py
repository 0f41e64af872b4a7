"""Error texts for invalid settings that an administrator can act on."""

import difflib
from collections.abc import Iterable, Mapping

from pydantic import ValidationError
from pydantic.fields import FieldInfo


def unknown(names: Iterable[str], known: list[str]) -> list[str]:
    """Return a warning for each unknown name, with the nearest known name."""
    warnings = []
    for name in sorted(names):
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        warnings.append(f"{name}: no such setting, it is not read{guess}")
    return warnings


def explain(
    error: ValidationError, given: Mapping[str, str], fields: Mapping[str, FieldInfo]
) -> str:
    """Return a text that names every fault, the value (except secrets) and the setting's meaning.

    fields: the settings by name. given: the values that were read.
    """
    faults = []
    for fault in error.errors(include_input=False, include_url=False):
        wrong = fault["msg"].removeprefix("Value error, ")
        if not fault["loc"]:
            faults.append(wrong)
            continue
        name = str(fault["loc"][0])
        field = fields[name]
        if fault["type"] == "missing":
            faults.append(f"{name}: missing. {_meaning(field)}")
        else:
            value = f" is {given[name]!r}" if field.repr else ""
            faults.append(f"{name}{value}: {wrong}. {_meaning(field)}")
    return "\n".join(
        [
            "The app cannot start with these settings:",
            *(f"  {fault}" for fault in faults),
            "Set them in the function app's environment variables (Azure) or in "
            "local.settings.json under Values (local). docs/settings.md describes each.",
        ]
    )


def _meaning(field: FieldInfo) -> str:
    example = f" Example: {field.examples[0]}" if field.examples else ""
    return f"{field.description}{example}"
