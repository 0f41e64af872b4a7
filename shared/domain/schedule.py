"""NCRONTAB schedules: six fields, all of which have to match. Pure.

Source: "Timer trigger for Azure Functions", section "NCRONTAB expressions", Azure Functions documentation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

_FIELDS: Final = {
    "second": range(60),
    "minute": range(60),
    "hour": range(24),
    "day": range(1, 32),
    "month": range(1, 13),
    "weekday": range(7),
}
_MONTHS: Final = (
    "january february march april may june july august september october november december"
)
_WEEKDAYS: Final = "sunday monday tuesday wednesday thursday friday saturday"
_NAMES: Final = {
    "month": dict(enumerate(_MONTHS.split(), 1)),
    "weekday": dict(enumerate(_WEEKDAYS.split())),
}
_SHORTEST_NAME: Final = 3
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule in UTC. text: as it was given. allowed: what each field permits."""

    text: str
    allowed: tuple[frozenset[int], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression; ValueError names the field that is wrong."""
        fields = text.split()
        if len(fields) != len(_FIELDS):
            raise ValueError("six fields are needed: second minute hour day month weekday")
        return cls(text, tuple(map(_parse_field, _FIELDS, fields)))

    def moments(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the moments of the schedule after one time up to another, inclusive."""
        minute = after.replace(second=0, microsecond=0)
        while minute <= until:
            if not self._has_hour_of(minute):
                minute = minute.replace(minute=0) + _HOUR
                continue
            if minute.minute in self.allowed[1]:
                moments = (minute.replace(second=second) for second in sorted(self.allowed[0]))
                yield from (at for at in moments if after < at <= until)
            minute += _MINUTE

    def _has_hour_of(self, at: datetime) -> bool:
        return all(map(frozenset.__contains__, self.allowed[2:], _numbers(at)[2:]))

    def __contains__(self, at: datetime) -> bool:
        """Whether a second is one of the schedule's."""
        return all(map(frozenset.__contains__, self.allowed, _numbers(at)))


def _numbers(at: datetime) -> tuple[int, ...]:
    return at.second, at.minute, at.hour, at.day, at.month, at.isoweekday() % 7


def cover(*texts: str) -> str:
    """Return an expression that has every moment of these, and may have more: field by field."""
    joined = []
    for parts in zip(*(text.split() for text in texts), strict=True):
        joined.append("*" if "*" in parts else ",".join(dict.fromkeys(parts)))
    return " ".join(joined)


def _parse_field(name: str, text: str) -> frozenset[int]:
    found = [_parse_part(name, part) for part in text.split(",")]
    return frozenset().union(*found)


def _parse_part(name: str, text: str) -> frozenset[int]:
    span, slash, step = text.partition("/")
    first, dash, last = span.partition("-")
    known = _FIELDS[name]
    start = known.start if span == "*" else _number(name, first)
    whole = span == "*" or slash
    stop = _number(name, last) if dash else known.stop - 1 if whole else start
    if start > stop:
        raise ValueError(f"{name} {text!r}: the range ends before it begins")
    if slash and not (step.isascii() and step.isdigit() and int(step)):
        raise ValueError(f"{name} {text!r}: after / a number above 0 is needed")
    return frozenset(range(start, stop + 1, int(step or 1)))


def _number(name: str, text: str) -> int:
    known = _FIELDS[name]
    for number, each in _NAMES.get(name, {}).items():
        if len(text) >= _SHORTEST_NAME and each.startswith(text.casefold()):
            return number
    if not (text.isascii() and text.isdigit()) or int(text) not in known:
        raise ValueError(f"{name} {text!r}: {known.start} to {known.stop - 1} is needed")
    return int(text)
