"""Measure how many users one host moves per second from a full queue, and the calls per user.

A sweep by a host that handles no messages fills the queue; then a new host starts, and the time
runs from when it is ready until its last message is done. Calls come from the tenant's counters in
that time, divided by the moved users; CPU time is that of the host only. Tenant and Azurite share
the machine with the host, so on few cores they are part of the limit.
"""

import time
from collections.abc import Iterator

from benchmarks.figures import Figure, window
from benchmarks.process import cpu_seconds, peak_mb
from benchmarks.stack import BY_THEMSELVES, SWEEP_LIMIT, Stack
from local.waiting import wait_until

_USERS = 5_000
_QUICK = 1_000
_TIMERS = tuple(name for name in BY_THEMSELVES if name != "move_users")
_LIMIT = 900.0


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield speed and cost per moved user."""
    with Stack(_QUICK if quick else _USERS) as system:
        with system.host(disabled=BY_THEMSELVES) as host:
            host.run("sweep_providers", SWEEP_LIMIT)
        messages, before, calls = system.queued(), system.tenant.totals(), system.calls()
        with system.host(disabled=_TIMERS) as host:
            used, started = cpu_seconds(host.pid), time.perf_counter()

            def done() -> bool:
                counts = host.counters("move_users")
                assert counts["failed"] == 0, counts
                return counts["running"] == 0 and counts["succeeded"] >= messages

            wait_until(done, "the queue is empty", _LIMIT)
            seconds = time.perf_counter() - started
            cpu, peak = cpu_seconds(host.pid) - used, peak_mb(host.pid)
        after, spent = system.tenant.totals(), system.calls()
        windows = system.windows()
    moved = after["sets"] - before["sets"]
    note = f"{moved:,} moved in {seconds:.1f} s from {messages} messages"
    yield Figure("moves by one host", moved / seconds, "users/s", note=note)
    left = after["licensedIncludedNotMicrosoft"]
    yield Figure("licensed users not on Microsoft afterwards", left, "users", at_most=0)
    for service in ("graph", "teams"):
        per_user = (spent[service] - calls[service]) / moved
        yield Figure(f"requests to {service.title()}", per_user, "requests/moved user")
    yield window(windows)
    yield Figure("CPU of the host", 1000 * cpu / moved, "ms/moved user")
    yield Figure("peak memory of the host", peak, "MB")
