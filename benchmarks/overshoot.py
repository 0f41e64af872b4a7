"""How late a user is tried after provisioning ended, with the default pace and a timer every minute.

The app's own rule decides about a user attempt by attempt, for each lag of 10 minutes to 24 hours and
each phase of the timer; an attempt takes three seconds. Time is computed, not waited for.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import mean, quantiles

from benchmarks.figures import Figure
from shared.domain.retry import (
    DEFAULT_PACE,
    Attempt,
    RetryPolicy,
    Waiting,
    WaitReason,
    keep_waiting,
)

_LICENSED = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = 24 * 60
_MINUTE = 60.0
_NOTIFIED = 2.0
_TAKES = 3.0
_POLICY = RetryPolicy(DEFAULT_PACE, timedelta(days=1), 6)


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield how late the attempt is that finds the user provisioned, and the budget of attempts."""
    phases = [attempts(phase) for phase in range(0, 60, 15 if quick else 1)]
    late = {lag: [_late(tried, lag * _MINUTE) for tried in phases] for lag in range(10, _DAY + 1)}
    every = [100 * share for shares in late.values() for share in shares]
    yield Figure("overshoot, average", mean(every), "% of the lag", at_most=10)
    yield Figure("overshoot, p99", quantiles(every, n=100)[98], "% of the lag", at_most=20)
    worst = max(late, key=lambda lag: mean(late[lag]))
    note = f"a lag of {worst} minutes"
    yield Figure("average of the worst lag", 100 * mean(late[worst]), "% of the lag", 10, note)
    yield Figure("worst of all", max(every), "% of the lag", 20)
    most = max(bisect_left(tried, _DAY * _MINUTE) for tried in phases)
    yield Figure("attempts in a user's first day", most, "attempts", 67, "24 on any other")
    yield Figure(
        "attempts for a lag of 25 minutes", bisect_left(phases[0], 25 * _MINUTE) + 1, "attempts"
    )


def attempts(phase: float) -> list[float]:
    """Return the ages in seconds at which a user is tried for 26 hours.

    phase: seconds from the license to the timer's next run.
    """
    row: Waiting | None = None
    age, tried = _NOTIFIED, []
    while age < 26 * 60 * _MINUTE:
        tried.append(age)
        at = _LICENSED + timedelta(seconds=age)
        attempt = Attempt("user", WaitReason.PROVISIONING, "", at, licensed_at=_LICENSED)
        row = keep_waiting(row, attempt, _POLICY)
        due = (row.due - _LICENSED).total_seconds()
        age = phase + _MINUTE * max(0, math.ceil((due - phase) / _MINUTE)) + _TAKES
    return tried


def _late(tried: list[float], lag: float) -> float:
    return (tried[bisect_left(tried, lag)] - lag) / lag
