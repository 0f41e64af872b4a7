"""Sweep a tenant of a million users twice: in the second sweep nothing is new, and everything is saved.

Measured as in the benchmark `sweep`: CPU time of the host per user, and its peak of resident memory.
"""

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.stack import BY_THEMSELVES, Stack
from benchmarks.sweep import sweep

_USERS, _QUICK = 999_999, 49_999
_SAME = 1.05
"""What two peaks may differ by and still be the same."""


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield time, CPU, memory and storage records of both sweeps."""
    users = _QUICK if quick else _USERS
    with Stack(users) as system, system.host(disabled=BY_THEMSELVES) as host:
        first = sweep(system, host)
        second = sweep(system, host)
        saved = system.rows("replacedproviders")
    note = f"{users:,} users, {saved:,} records saved"
    yield Figure("first sweep", first.seconds, "s", note=note)
    yield Figure("second sweep", second.seconds, "s")
    yield Figure("CPU of the first sweep", 1e6 * first.cpu / users, "us/user")
    yield Figure("CPU of the second sweep", 1e6 * second.cpu / users, "us/user")
    yield Figure("peak of the first sweep", first.peak, "MB")
    yield Figure("second peak / first peak", second.peak / first.peak, "times", _SAME)
    yield Figure("calls to Graph", second.calls["graph"], "calls")
    yield Figure("calls to Teams", second.calls["teams"], "calls")
