"""How fast a change notification is answered, over HTTP through the local host, in milliseconds.

One connection that is kept open posts notifications of ever new users, one request after another;
nothing else runs (the queue trigger is off). An answer is given only after the messages are on the
queue, so Azurite's share is in it. `cold` is the first request to a host that has just said that it
is ready: the app opens its table and the host its queue then. Graph wants its answer within 3 s.
"""

import time
from collections.abc import Iterator
from math import ceil
from statistics import median, quantiles

import httpx

from benchmarks.events import envelope, notification
from benchmarks.figures import Figure
from benchmarks.stack import BY_THEMSELVES, Stack
from local.commands import free_port
from shared.domain.messages import USERS_PER_MESSAGE

_TENANT_USERS = 200
_GRAPH_LIMIT = 3000.0


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the percentiles for small and large notifications, and the cold start."""
    requests, starts = (100, 1) if quick else (500, 5)
    with Stack(_TENANT_USERS) as system:
        port = free_port()
        with system.host(port=port, disabled=BY_THEMSELVES) as host:
            host.run("keep_subscription")
            common = envelope(system)
            with httpx.Client(base_url=host.origin, timeout=30.0) as client:
                for size in (1, 100):
                    before = system.queued()
                    taken = [_post(client, common, size) for _ in range(requests)]
                    # A stranger gets 202 as well: only the queue shows that the app took them.
                    assert system.queued() == before + requests * ceil(size / USERS_PER_MESSAGE)
                    yield from _percentiles(taken, size)
        cold = [_cold(system, port, common) for _ in range(starts)]
        note = f"median of {starts}"
        yield Figure("cold start: until ready", median(ready for ready, _ in cold), "ms", note=note)
        first = median(first for _, first in cold)
        yield Figure("cold: first request", first, "ms", at_most=_GRAPH_LIMIT, note=note)


def _percentiles(taken: list[float], size: int) -> Iterator[Figure]:
    cuts = quantiles(taken, n=100, method="inclusive")
    label = f"{size} notification{'s' if size > 1 else ''} a request"
    yield Figure(f"{label}: p50", cuts[49], "ms", note=f"{len(taken)} requests")
    yield Figure(f"{label}: p99", cuts[98], "ms", at_most=_GRAPH_LIMIT)


def _cold(system: Stack, port: int, common: dict[str, str]) -> tuple[float, float]:
    """Milliseconds until a fresh host is ready, and of its first request."""
    started = time.perf_counter()
    with system.host(port=port, disabled=BY_THEMSELVES) as host:
        ready = 1000 * (time.perf_counter() - started)
        with httpx.Client(base_url=host.origin, timeout=30.0) as client:
            return ready, _post(client, common, 1)


def _post(client: httpx.Client, common: dict[str, str], size: int) -> float:
    """Post `size` notifications in one request; return the milliseconds until it is answered."""
    body = {"value": [notification(common) for _ in range(size)]}
    started = time.perf_counter()
    answer = client.post("/api/graph/notifications", json=body)
    taken = 1000 * (time.perf_counter() - started)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    return taken
