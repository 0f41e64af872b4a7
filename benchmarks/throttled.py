"""How close to a service's limit the app runs, alone and with other instances, without knowing it.

Graph keeps its published limits and Teams a bucket of 50 calls per second. A sweep fills the queue;
then one host, and in another run four, empty it. Measured: the time against the time that the
bucket allows at best (all Teams calls answered / 50), and the share of calls answered 429 after the
first 10 seconds, from the tenant's counters. The hosts share nothing but queue and tables.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.figures import Figure, window
from benchmarks.stack import BY_THEMSELVES, SWEEP_LIMIT, Stack
from local.commands import AppHost
from local.waiting import wait_until

_RATE = 50
_USERS = 23_000
"""Of these 5,000 and some are to be moved."""

_QUICK = 1_500
_TIMERS = tuple(name for name in BY_THEMSELVES if name not in ("move_users", "tick"))
_LIMIT = 1_800.0
_SETTLES = 10.0
_SLOWDOWN = {1: 1.3, 4: 1.10}
"""Hosts -> time at most, in times of the best."""

_SHARE = {1: 1.0, 4: 3.0}
"""Hosts -> percent of calls answered 429 at most."""


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the figures of one host and of four."""
    for hosts, share in _SHARE.items():
        yield from _run(hosts, share, _QUICK if quick else _USERS)


def _run(hosts: int, share: float, users: int) -> Iterator[Figure]:
    with ExitStack() as running:
        system = running.enter_context(Stack(users, "--graph-limits", "--teams-rate", _RATE))
        with system.host(disabled=BY_THEMSELVES) as filler:
            filler.run("sweep_providers", SWEEP_LIMIT)
        to_move = system.tenant.totals()["readyToMove"]
        start = [
            running.enter_context(system.host(disabled=_TIMERS, ACP_RECHECK_DELAYS="5,10,20"))
            for _ in range(hosts)
        ]
        began, before = time.perf_counter(), _answers(system)
        wait_until(lambda: time.perf_counter() - began > _SETTLES, "ten seconds", 2 * _SETTLES)
        settled = _answers(system)
        wait_until(lambda: _done(system, start), "everybody is moved", _LIMIT)
        seconds, after = time.perf_counter() - began, _answers(system)
        left = system.tenant.totals()["readyToMove"]
        windows = system.windows()
    teams = after["teams"][0] - before["teams"][0]
    best = teams / _RATE
    name = f"{hosts} host{'s' * (hosts > 1)}"
    note = f"{to_move - left:,} moved in {seconds:.0f} s; {teams:,} calls need {best:.0f} s at best"
    yield Figure(f"{name}: time / best time", seconds / best, "ratio", _SLOWDOWN[hosts], note)
    yield window(windows, name)
    for service in ("teams", "graph"):
        good, bad = (after[service][n] - settled[service][n] for n in (0, 1))
        percent = 100 * bad / max(1, good + bad)
        yield Figure(f"{name}: {service} calls answered 429 after 10 s", percent, "%", share)
    yield Figure(f"{name}: users not moved", left, "users", at_most=0)


def _done(system: Stack, hosts: list[AppHost]) -> bool:
    if system.tenant.totals()["readyToMove"]:
        return False
    return system.queued() == 0 and not any(h.counters("move_users")["running"] for h in hosts)


def _answers(system: Stack) -> dict[str, tuple[int, int]]:
    """How many calls each service answered, and how many of them with 429 (not counted in the first)."""
    found = {}
    for service, operations in system.statuses().items():
        statuses = [pair for operation in operations.values() for pair in operation.items()]
        throttled = sum(count for status, count in statuses if status == "429")
        found[service] = (sum(count for _, count in statuses) - throttled, throttled)
    return found
