"""How long users wait from their license to Microsoft, as counts by length. Pure."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from math import ceil, log2
from typing import Final, Self

from shared.domain.run import Signal

_STEPS: Final = 8
"""Lengths that double in so many steps: each is 9 % longer than the one before."""

SIGNALS: Final = frozenset({Signal.LICENSE_EVENT, Signal.CATCH_UP, Signal.RECHECK})
"""Signals of a new license; who is found by a sweep or a request had it long before."""


def step_of(age: timedelta) -> int:
    """Return the step to which an age belongs; shorter than a second counts as one."""
    return ceil(_STEPS * log2(max(1.0, age.total_seconds())))


@dataclass(frozen=True, slots=True)
class LicenseAges:
    """How many users were moved, and the ages that half and 99 % of them did not exceed (to 9 %)."""

    users: int
    p50: timedelta
    p99: timedelta

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Self | None:
        """Read counts by step; None: nobody was moved."""
        users = sum(counts.values())
        return cls(users, _within(counts, 0.5), _within(counts, 0.99)) if users else None


def _within(counts: Mapping[int, int], share: float) -> timedelta:
    steps = sorted(counts)
    users = list(accumulate(counts[step] for step in steps))
    step = steps[bisect_left(users, share * users[-1])]
    return timedelta(seconds=round(2 ** (step / _STEPS)))


def spoken(seconds: int) -> str:
    """Return a length for people: `45 s`, `31 min`, `5 h`."""
    for length, unit in ((7_200, "h"), (120, "min")):
        if seconds >= length:
            return f"{round(seconds / (3_600 if unit == 'h' else 60))} {unit}"
    return f"{seconds} s"
