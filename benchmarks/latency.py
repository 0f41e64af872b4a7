"""How long a ready user waits for us: from the notification to the set, with round trips of 100 ms.

The tenant answers every call 100 ms late. Notifications come one by one at a steady rate: 100 a second, or
half of that, and so on, until 30 % of the machine is idle, since host, tenant and Azurite share it. Measured
from the moment before a notification is posted to the moment at which the tenant's provider changed.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import quantiles

import httpx

from benchmarks.events import envelope, notification, ready_users
from benchmarks.figures import Figure
from benchmarks.stack import BY_THEMSELVES, Stack
from local.commands import AppHost
from local.waiting import wait_until

_RATES = (100, 50, 25, 12, 6)
_SECONDS, _QUICK_SECONDS = 15, 5
_IDLE = 0.30
_P50, _P99 = 1.2, 3.0
_ROUND_TRIP = 0.1
_LIMIT = 600.0
_OTHERS = tuple(name for name in BY_THEMSELVES if name != "move_users")


@dataclass(frozen=True)
class _Round:
    """Seconds that users waited at a rate, and the share of the machine that was idle meanwhile."""

    rate: int
    waits: Sequence[float]
    idle: float


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield p50 and p99 at the highest rate that leaves the machine room."""
    seconds = _QUICK_SECONDS if quick else _SECONDS
    with Stack(6 * sum(_RATES) * seconds) as system:
        with system.host(disabled=BY_THEMSELVES) as host:
            host.run("keep_subscription")
        users = iter(ready_users(system))
        slow = {"slow_answers": 1.0, "slow_seconds": _ROUND_TRIP}
        system.tenant.control("PUT", "faults", slow)
        with system.host(disabled=_OTHERS) as host:
            _round(system, host, [next(users) for _ in range(5)], 5)
            for rate in _RATES:
                found = _round(system, host, [next(users) for _ in range(rate * seconds)], rate)
                if found.idle >= _IDLE:
                    break
    cuts = quantiles(found.waits, n=100, method="inclusive")
    note = f"at {found.rate} events/s, {100 * found.idle:.0f} % of the machine idle"
    yield Figure("event to set, p50", cuts[49], "s", _P50, note)
    yield Figure("event to set, p99", cuts[98], "s", _P99, f"{len(found.waits):,} users")


def _round(system: Stack, host: AppHost, users: Sequence[str], rate: int) -> _Round:
    """Notify of users at a rate, and wait until each is moved."""
    common = envelope(system)
    posted: dict[str, float] = {}
    busy, whole = _cpu()

    def post(number: int) -> None:
        user = users[number]
        posted[user] = time.time()
        body = {"value": [notification(common, user)]}
        http.post("/api/graph/notifications", json=body).raise_for_status()

    with httpx.Client(base_url=host.origin, timeout=60) as http, ThreadPoolExecutor(16) as pool:
        began = time.perf_counter()
        for number in range(len(users)):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            pool.submit(post, number)
        busy, whole = (after - before for after, before in zip(_cpu(), (busy, whole), strict=True))
    wait_until(lambda: len(_changed(system, users)) == len(users), "everybody is moved", _LIMIT)
    changed = _changed(system, users)
    return _Round(rate, [changed[user] - posted[user] for user in users], 1 - busy / whole)


def _changed(system: Stack, users: Sequence[str]) -> dict[str, float]:
    """Return when the provider of each of these users changed, in seconds since 1970."""
    wanted = set(users)
    changes = system.tenant.control("GET", "changes")["changes"]
    return {
        change["user"]: datetime.fromisoformat(change["at"]).timestamp()
        for change in changes
        if change["user"] in wanted
    }


def _cpu() -> tuple[float, float]:
    """Return the busy and all jiffies of the machine so far."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]
    numbers = [int(field) for field in fields]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)
