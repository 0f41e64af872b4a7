"""Measure the console: bytes of the first view, and the time of each page with many users known.

The roster is filled as sweeps leave it; then each page is requested many times, over one connection,
from the app in the local host. p95 in milliseconds, the first answers left out.
"""

import asyncio
import itertools
import secrets
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import httpx

from benchmarks.figures import Figure, UnavailableError
from benchmarks.stack import BY_THEMSELVES, Stack
from shared.clock import SystemClock
from shared.domain.retry import Waiting, WaitReason
from shared.domain.roster import RosterEntry, Standing
from shared.errors import StorageError
from shared.storage.roster import RosterTable
from shared.storage.tables import Tables
from shared.storage.waiting import WaitingTable

_KNOWN = 100_000
_QUICK = 10_000
_ROUNDS, _WARM = 40, 3
_FIRST_VIEW_KB = 40.0
_P95_MS = 150.0
_WAITING = 300
_TRIES = 5
_AT_ONCE = 500
"""Users written at once: a transaction or two for each partition, so that none waits for another."""
_PAGES = {
    "overview": "",
    "users ready": "/users",
    "users on Microsoft": "/users?list=on_microsoft",
    "users by address": "/users?list=on_microsoft&search=user0042",
    "users by country": "/users?list=ready&country=DE",
    "runs": "/runs",
    "needs attention": "/attention",
}
_LISTS = (Standing.ON_MICROSOFT,) * 7 + (Standing.READY, Standing.READY, Standing.EXCLUDED)
_STATIC = ("console.css", "htmx.min.js", "icon.svg")


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the size of the first view and the p95 of each page."""
    users = _QUICK if quick else _KNOWN
    token = secrets.token_urlsafe(32)
    with Stack(100) as stack, stack.host(disabled=BY_THEMSELVES, ACP_CONSOLE_TOKEN=token) as host:
        asyncio.run(_fill(stack.connection_string, users))
        with httpx.Client(base_url=f"{host.origin}/api/console", timeout=60) as http:
            http.cookies.set(*_session(http, token))
            yield _first_view(http)
            for name, path in _PAGES.items():
                yield _page(http, name, path, users)


def _session(http: httpx.Client, token: str) -> tuple[str, str]:
    answer = http.get(f"/enter?token={token}")
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    return name, value


def _first_view(http: httpx.Client) -> Figure:
    size = 0
    for path in ("", *(f"/static/{name}" for name in _STATIC)):
        with http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            answer.raise_for_status()
            size += sum(len(chunk) for chunk in answer.iter_raw())
    note = "page, style, script, icon; in gzip"
    return Figure("first view", size / 1000, "kB", at_most=_FIRST_VIEW_KB, note=note)


def _page(http: httpx.Client, name: str, path: str, users: int) -> Figure:
    taken = []
    for number in range(_WARM + _ROUNDS):
        began = time.perf_counter()
        http.get(path).raise_for_status()
        if number >= _WARM:
            taken.append(time.perf_counter() - began)
    p95 = quantiles(taken, n=20)[-1]
    return Figure(f"{name}, p95", 1000 * p95, "ms", at_most=_P95_MS, note=f"{users:,} users known")


async def _fill(connection: str, users: int) -> None:
    now = datetime.now(UTC)
    tables = Tables.open("", connection=connection)
    roster, waiting = (
        RosterTable(tables.table("roster")),
        WaitingTable(tables.table("waiting"), SystemClock()),
    )
    entries = [
        RosterEntry(
            user_id,
            standing,
            "the provider is InterCall",
            now,
            upn=f"user{number:06}@contoso.example",
            provider="InterCall",
            name=f"User {number}",
            department="Sales",
            country="DE" if number % 3 else "FR",
        )
        for (number, user_id), standing in zip(
            enumerate(itertools.islice(_ids(), users)), itertools.cycle(_LISTS), strict=False
        )
    ]
    for some in itertools.batched(entries, _AT_ONCE, strict=False):
        await _insert(roster, some, now)
    for entry in entries[:_WAITING]:
        due = now + timedelta(hours=1)
        row = Waiting(entry.user_id, WaitReason.FAILURE, "refused", now, due, now, True)
        await waiting.save_waiting(row)
    await tables.close()


async def _insert(roster: RosterTable, some: Sequence[RosterEntry], now: datetime) -> None:
    """Write entries; where Azurite breaks the connection, again: what is there already stays."""
    for _ in range(_TRIES):
        try:
            await roster.insert(some, now)
        except StorageError:
            continue
        return
    raise UnavailableError("Azurite keeps breaking connections")


def _ids() -> Iterator[str]:
    return (str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))) for number in itertools.count())
