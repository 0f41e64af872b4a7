"""Measure memory, calls and speed of a sweep: a large tenant compared with one of 1,000 users.

Each tenant gets a new host whose queue trigger and timers are off, so that only the sweep
runs. Measured from /proc: the host's peak of resident memory (MB, 10^6 bytes), reset just before
the sweep, and its CPU time; from the tenant's counters: calls to Graph and Teams; and users per
second of wall-clock time. In a second sweep over the same tenant every entry is saved already.
No tenant here has a multiple of the page size: the end of such a listing is ambiguous, and the
app reads it twice.

`calls over the bound` is how many calls more than the target were made; the bounds are
licensed/999 + 2 for Graph, and users/page + 1 (service discovery) for Teams.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from benchmarks.figures import Figure
from benchmarks.process import cpu_seconds, peak_mb, reset_peak
from benchmarks.stack import BY_THEMSELVES, SWEEP_LIMIT, Stack
from local.commands import AppHost

_SMALL = 999
_LARGE = 99_999
_QUICK = 19_999
_MOST_GROWTH = 60.0
_GRAPH_PAGE, _TEAMS_PAGE = 999, 1000


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep: seconds, CPU seconds of the host, its peak in MB, and calls by service."""

    seconds: float
    cpu: float
    peak: float
    calls: dict[str, int]


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the figures of both tenants and the growth from one to the other."""
    users = _QUICK if quick else _LARGE
    with Stack(_SMALL) as small, small.host(disabled=BY_THEMSELVES) as host:
        base = sweep(small, host)
    with Stack(users) as large:
        totals = large.tenant.totals()
        with large.host(disabled=BY_THEMSELVES) as host:
            first = sweep(large, host)
            messages, saved = large.queued(), large.rows("replacedproviders")
            again = sweep(large, host)
    yield Figure(f"peak memory, {_SMALL:,} users", base.peak, "MB")
    yield Figure(f"peak memory, {users:,} users", first.peak, "MB")
    yield Figure("growth", first.peak - base.peak, "MB", at_most=_MOST_GROWTH)
    licensed = totals["licensed"]
    yield _calls(
        "Graph", first.calls["graph"], licensed / _GRAPH_PAGE + 2, f"licensed {licensed:,}"
    )
    yield _calls("Teams", first.calls["teams"], ceil(users / _TEAMS_PAGE) + 1, "")
    note = f"{messages:,} messages queued, {saved:,} records saved"
    yield Figure(f"sweep of {users:,}", first.seconds, "s", note=note)
    yield Figure("speed, first sweep", users / first.seconds, "users/s")
    yield Figure(
        "speed, second sweep", users / again.seconds, "users/s", note="nothing new to save"
    )
    yield Figure("CPU of the host, first sweep", 1e6 * first.cpu / users, "us/user")
    yield Figure("CPU of the host, second sweep", 1e6 * again.cpu / users, "us/user")


def sweep(system: Stack, host: AppHost) -> Sweep:
    """Run one sweep and measure it."""
    before = system.calls()
    reset_peak(host.pid)
    used, started = cpu_seconds(host.pid), time.perf_counter()
    host.run("sweep_providers", SWEEP_LIMIT)
    seconds = time.perf_counter() - started
    return Sweep(
        seconds,
        cpu_seconds(host.pid) - used,
        peak_mb(host.pid),
        {name: count - before.get(name, 0) for name, count in system.calls().items()},
    )


def _calls(service: str, calls: int, bound: float, note: str) -> Figure:
    return Figure(f"calls to {service}", calls, "calls", at_most=int(bound), note=note)
