"""Measure the app's storage requests and log lines: docs/cost.md uses these figures.

Azurite writes a line for each request, for any service; a batch counts as one. Four situations, each
with a new host: a sweep that saves entries, moves from a full queue, the next sweep, and idle
minutes in which all timers run. Log lines are those of the app in that time, without the host's own.
"""

import time
from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.stack import BY_THEMSELVES, SWEEP_LIMIT, Stack
from local.waiting import wait_until

_USERS = 1_999
_QUICK = 499
_MINUTES = 5
_TIMERS = tuple(name for name in BY_THEMSELVES if name != "move_users")
_LIMIT = 900.0


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield storage requests and log lines per swept user, moved user, and idle minute."""
    users = _QUICK if quick else _USERS
    with Stack(users, counted=True) as system:
        with system.host(disabled=BY_THEMSELVES) as host:
            host.run(
                "keep_subscription"
            )  # as at a start: then sets need not note what the service takes
        first = _sweep(system)
        saved, before = system.rows("replacedproviders"), system.tenant.totals()["sets"]
        requests, lines = _moves(system)
        moved = system.tenant.totals()["sets"] - before
        again = _sweep(system)
        idle_requests, idle_lines = _idle(system, 1 if quick else _MINUTES)
    each = users / 1000
    yield Figure("first sweep", first / each, "requests/1,000 users", note=f"{saved:,} saved")
    yield Figure("next sweep", again / each, "requests/1,000 users")
    yield Figure("moves", requests / moved, "requests/moved user", note=f"{moved:,} moved")
    yield Figure("log of moves", lines / moved, "lines/moved user")
    yield Figure("idle", idle_requests, "requests/minute")
    yield Figure("log while idle", idle_lines, "lines/minute")


def _sweep(system: Stack) -> int:
    with system.host(disabled=BY_THEMSELVES) as host:
        before = system.storage_requests()
        host.run("sweep_providers", SWEEP_LIMIT)
        return system.storage_requests() - before


def _moves(system: Stack) -> tuple[int, int]:
    messages, requests = system.queued(), system.storage_requests()
    with system.host(disabled=_TIMERS) as host:
        lines = system.log_lines()

        def done() -> bool:
            counts = host.counters("move_users")
            return counts["running"] == 0 and counts["succeeded"] >= messages

        wait_until(done, "the queue is empty", _LIMIT)
        return system.storage_requests() - requests, system.log_lines() - lines


def _idle(system: Stack, minutes: int) -> tuple[float, float]:
    """Requests and lines per minute, from the second minute on: in the first the app subscribes."""
    with system.host():
        time.sleep(60)
        requests, lines = system.storage_requests(), system.log_lines()
        time.sleep(60 * minutes)
        requests, lines = system.storage_requests() - requests, system.log_lines() - lines
        return requests / minutes, lines / minutes
