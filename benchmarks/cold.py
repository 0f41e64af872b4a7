"""Events that come while the app is stopped (`ACP_DELIVERY=eventgrid-queue`): none may be lost.

They are put into the queue as Event Grid does it, each about a user who is ready to be moved; then a host
starts. Measured from its start until all are done, also whoever comes again: unrecorded at first, or waiting
because a service failed.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from azure.storage.queue import QueueClient

from benchmarks.events import envelope, put_event, ready_users
from benchmarks.figures import Figure, UnavailableError
from benchmarks.process import cpu_seconds, peak_mb
from benchmarks.stack import BY_THEMSELVES, Stack
from local.errors import WaitError
from local.waiting import wait_until

_EVENTS, _USERS = 10_000, 48_000
_QUICK_EVENTS, _QUICK_USERS = 500, 2_500
_LIMIT = 3_600.0
_PATIENCE = 600.0
"""Seconds for users who wait for another attempt."""
_SETTINGS: Final[dict[str, Any]] = {
    "ACP_DELIVERY": "eventgrid-queue",
    "ACP_EVENT_GRID_SUBSCRIPTION": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
    "ACP_EVENT_GRID_RESOURCE_GROUP": "acp",
    "ACP_EVENT_GRID_TOPIC": "users",
    "ACP_EVENT_GRID_LOCATION": "westeurope",
}
_AGAIN: Final = {"move_users", "tick", "run_upkeep"}
"""What tries users again."""
_OTHERS: Final = tuple(set(BY_THEMSELVES) - {"queued_license_events"} - _AGAIN)


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield events lost, users not moved, and how long it took."""
    events, users = (_QUICK_EVENTS, _QUICK_USERS) if quick else (_EVENTS, _USERS)
    with Stack(users) as system:
        with system.host(disabled=BY_THEMSELVES, **_SETTINGS) as host:
            host.run("keep_subscription")
        chosen = ready_users(system)[:events]
        if len(chosen) < events:
            raise UnavailableError(f"only {len(chosen)} users are ready to be moved")
        common = envelope(system)
        queue = QueueClient.from_connection_string(system.connection_string, "moves-events")
        queue.create_queue()
        with queue, ThreadPoolExecutor(8) as pool:
            put_event(queue, common, chosen[0])  # alone: the SDK makes its models at the first call
            list(pool.map(lambda user: put_event(queue, common, user), chosen[1:]))
        before = system.tenant.totals()["sets"]
        started = time.perf_counter()
        with system.host(disabled=_OTHERS, **_SETTINGS) as host:

            def done() -> bool:
                counts = host.counters("queued_license_events")
                again = host.counters("move_users")["running"] or system.queued()
                return counts["running"] == 0 and counts["succeeded"] >= events and not again

            def moved() -> bool:
                return bool(system.tenant.totals()["sets"] - before >= events)

            wait_until(done, "every event was taken", _LIMIT)
            with suppress(WaitError):
                wait_until(moved, "every user was moved", _PATIENCE)
            seconds = time.perf_counter() - started
            cpu, peak = cpu_seconds(host.pid), peak_mb(host.pid)
            failed = host.counters("queued_license_events")["failed"]
        left = set(ready_users(system)).intersection(chosen)
        sets = system.tenant.totals()["sets"] - before
    yield Figure("events lost", failed, "events", 0, f"of {events:,}")
    yield Figure("their users not on Microsoft", len(left), "users", 0)
    yield Figure("sets per user", sets / events, "sets", 1)
    yield Figure("from the start to the last move", seconds, "s", note=f"{events / seconds:.0f}/s")
    yield Figure("CPU of the host", 1000 * cpu / events, "ms/moved user")
    yield Figure("peak memory of the host", peak, "MB")
