"""Read the properties of a row, each with its type: a damaged row is found where it is read.

Tables have no schema: a row may lack a property, hold another type, or come from a newer version.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, overload

DIGITS: Final = "0123456789abcdef"
"""The partitions of tables with a row for each user: the first digits of their ids."""

EVERY_DIGIT: Final = "PartitionKey ge '0' and PartitionKey lt 'g'"

DAMAGE: Final = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What reading a damaged row raises."""


_NEEDED: Final = object()
_MOST_UNREADABLE: Final = 1_000


@overload
def field[T](row: Mapping[str, Any], name: str, kind: type[T]) -> T: ...
@overload
def field[T, D](row: Mapping[str, Any], name: str, kind: type[T], default: D) -> T | D: ...
def field(row: Mapping[str, Any], name: str, kind: type[Any], default: Any = _NEEDED) -> Any:
    """Return a property; KeyError: it is missing and has no default; TypeError: of another type."""
    value = row.get(name)
    if value is None and default is not _NEEDED:
        return default
    if value is None:
        raise KeyError(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{name} is a {type(value).__name__}, not a {kind.__name__}")
    return value


def json_field[T](row: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """Return a property that is JSON; TypeError, ValueError: it is not, or holds another type."""
    value = json.loads(field(row, name, str))
    if not isinstance(value, kind):
        raise TypeError(f"{name} holds a {type(value).__name__}, not a {kind.__name__}")
    return value


def runs_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the runs that a row has to tell of; none where that is damaged."""
    runs = row.get("runs")
    return tuple(runs.split()) if isinstance(runs, str) else ()


class UnreadableRows:
    """The rows that a process could not read, as of their last reading."""

    def __init__(self) -> None:
        self._rows: dict[str, set[tuple[str, str]]] = {}

    def add(self, table: str, keys: tuple[str, str]) -> bool:
        """Remember a row; return whether it was not known."""
        known = self._rows.setdefault(table, set())
        if keys in known or len(known) >= _MOST_UNREADABLE:
            return False
        known.add(keys)
        return True

    def remove(self, table: str, keys: tuple[str, str]) -> None:
        """Forget a row: it could be read."""
        if known := self._rows.get(table):
            known.discard(keys)

    def counts(self) -> dict[str, int]:
        """Return how many there are, by table; at most 1,000 of each are counted."""
        return {table: len(rows) for table, rows in self._rows.items() if rows}


def units(text: str) -> int:
    """Return how many UTF-16 units a text has: a property takes 32 Ki of them, not of characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clipped(text: str, most: int = 4_000) -> str:
    """Return a text that any table takes: of at most so many characters, without lone surrogates."""
    return text[:most].encode(errors="replace").decode()
