"""What azd fills in (`main.parameters.json`) is what `main.bicep` takes, both ways."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.checks.predicted import interface
from infra.checks.problem import Problem, in_source

FROM_AZD: Final = {
    "environmentName": "${AZURE_ENV_NAME}",
    "location": "${AZURE_LOCATION}",
    "principalId": "${AZURE_PRINCIPAL_ID}",
}
"""Parameters that azd fills from its own environment ("Environment variables", azd documentation)."""

_MAIN, _VALUES = "infra/main.bicep", "infra/main.parameters.json"
_VARIABLE: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?:=(.*))?\}")


def check(folder: Path) -> list[Problem]:
    """Find what one side has and the other has not, and defaults that differ."""
    main, values = interface(folder, "main"), filled(folder)
    return [
        *_sides(folder, main["parameters"], values),
        *_defaults(folder, main["parameters"], values),
        *_settings(folder, main["appSettings"], values),
    ]


def filled(folder: Path) -> dict[str, str]:
    """What azd fills each parameter with: `${NAME}` or `${NAME=default}`."""
    values = json.loads((folder / _VALUES).read_text(encoding="utf-8"))["parameters"]
    return {name: str(entry["value"]) for name, entry in values.items()}


def _sides(folder: Path, taken: dict[str, Any], values: dict[str, str]) -> Iterator[Problem]:
    for name in sorted(values.keys() - taken.keys()):
        wrong = f"{_MAIN} has no parameter {name}"
        yield in_source(folder, wrong, "Remove or declare it", f'"{name}":')
    for name in sorted(taken.keys() - values.keys()):
        wrong = f"{_VALUES} does not fill {name}"
        yield in_source(folder, wrong, "Add it with its variable", f"param {name} ")


def _defaults(folder: Path, taken: dict[str, Any], values: dict[str, str]) -> Iterator[Problem]:
    for name in sorted(values.keys() & taken.keys()):
        variable = _VARIABLE.fullmatch(values[name])
        if variable is None or values[name] != FROM_AZD.get(name, values[name]):
            right = FROM_AZD.get(name, "a variable, ${NAME} or ${NAME=default}")
            wrong = f"{name} is {values[name]!r}"
            yield in_source(folder, wrong, f"Write {right}", f'"{name}":')
        elif (default := taken[name].get("defaultValue")) is not None:
            written = str(default).lower() if isinstance(default, bool) else str(default)
            if (variable[2] or "") != written:
                wrong = f"{name} falls back to {variable[2] or ''!r}, in {_MAIN} to {written!r}"
                yield in_source(folder, wrong, "Write the same default in both", f'"{name}":')


def _settings(folder: Path, fills: dict[str, str], values: dict[str, str]) -> Iterator[Problem]:
    """A parameter that fills one setting is itself filled from the variable of the same name."""
    for setting, expression in fills.items():
        parameter = re.fullmatch(r"\[parameters\('(\w+)'\)\]", expression)
        value = values.get(parameter[1], "") if parameter else ""
        variable = _VARIABLE.fullmatch(value)
        if parameter and variable and variable[1] != setting:
            wrong = f"{parameter[1]} fills {setting} and is filled from {value}"
            yield in_source(folder, wrong, f"Write ${{{setting}}}", f'"{parameter[1]}":')
