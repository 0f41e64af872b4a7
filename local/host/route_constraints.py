"""Constraints in route templates: `{id:guid}`, `{n:range(1,9)}`.

https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints. `datetime` is left
out: what it accepts is up to .NET's parser.
"""

import re
import uuid
from collections.abc import Callable

from local.host.errors import RouteError

Check = Callable[[str], bool]
"""Says whether a value satisfies a constraint."""

_NUMBER = re.compile(r"[+-]?(\d+(,\d{3})*(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_INT_BITS, _LONG_BITS = 32, 64
_TWO = 2


def constraint(text: str) -> Check:
    """The check for one constraint as written; raises `RouteError` if there is no such one."""
    match = re.fullmatch(r"(\w+)(?:\((.*)\))?", text)
    if not match:
        raise RouteError(f"route constraint {text!r} cannot be read")
    name, argument = match[1].lower(), match[2]
    if argument is None and name in _PLAIN:
        return _PLAIN[name]
    try:
        if argument is not None and name in _WITH_ARGUMENT:
            return _WITH_ARGUMENT[name](argument)
    except ValueError as error:
        raise RouteError(f"route constraint {text!r}: {error}") from error
    known = ", ".join(sorted({*_PLAIN, *_WITH_ARGUMENT}))
    raise RouteError(f"route constraint {text!r} is not known here; known are {known}")


def _integer(bits: int) -> Check:
    most: int = 2 ** (bits - 1) - 1

    def check(value: str) -> bool:
        if not re.fullmatch(r"[+-]?[0-9]+", value):
            return False
        return -most - 1 <= int(value) <= most

    return check


def _guid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return "urn:" not in value.lower()


def _length(argument: str) -> Check:
    bounds = [int(part) for part in argument.split(",")]
    if len(bounds) > _TWO:
        raise ValueError("length takes one or two numbers")
    return lambda value: bounds[0] <= len(value) <= bounds[-1]


def _min_length(argument: str) -> Check:
    least = int(argument)
    return lambda value: len(value) >= least


def _max_length(argument: str) -> Check:
    most = int(argument)
    return lambda value: len(value) <= most


def _range(least: str | None, most: str | None) -> Check:
    low = None if least is None else int(least)
    high = None if most is None else int(most)
    is_long = _integer(_LONG_BITS)

    def check(value: str) -> bool:
        if not is_long(value):
            return False
        return (low is None or low <= int(value)) and (high is None or int(value) <= high)

    return check


def _between(argument: str) -> Check:
    least, _, most = argument.partition(",")
    return _range(least, most)


def _regex(argument: str) -> Check:
    # Braces are doubled in a template; the expression matches anywhere unless anchored.
    try:
        compiled = re.compile(argument.replace("{{", "{").replace("}}", "}"), re.IGNORECASE)
    except re.error as error:
        raise ValueError(str(error)) from error
    return lambda value: compiled.search(value) is not None


_PLAIN: dict[str, Check] = {
    "int": _integer(_INT_BITS),
    "long": _integer(_LONG_BITS),
    "bool": lambda value: value.lower() in {"true", "false"},
    "guid": _guid,
    "alpha": lambda value: re.fullmatch(r"[A-Za-z]*", value) is not None,
    "decimal": lambda value: _NUMBER.fullmatch(value) is not None,
    "double": lambda value: _NUMBER.fullmatch(value) is not None,
    "float": lambda value: _NUMBER.fullmatch(value) is not None,
    "required": lambda value: value != "",
}

_WITH_ARGUMENT: dict[str, Callable[[str], Check]] = {
    "length": _length,
    "minlength": _min_length,
    "maxlength": _max_length,
    "min": lambda argument: _range(argument, None),
    "max": lambda argument: _range(None, argument),
    "range": _between,
    "regex": _regex,
}
