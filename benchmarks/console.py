"""Measure the console: bytes of the first view, and the time of each page with many users known.

The roster is filled as sweeps leave it; then each page is requested many times, over one connection,
from the app in the local host. p95 in milliseconds, the first answers left out. In the same way a user's
history; and `acp status` as a command, with its start.
"""

import asyncio
import itertools
import os
import re
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import httpx

from benchmarks.figures import Figure, UnavailableError
from benchmarks.stack import BY_THEMSELVES, Stack
from shared.clock import SystemClock
from shared.domain.held import HeldUser
from shared.domain.history import HistoryEvent, HistoryRecord
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Waiting, WaitReason
from shared.domain.roster import RosterEntry, Standing
from shared.domain.run import Run, RunState, Signal, new_run_id
from shared.errors import StorageError
from shared.storage.held import HeldTable
from shared.storage.history import HistoryTable
from shared.storage.roster import RosterTable
from shared.storage.runs import RunTable
from shared.storage.tables import Tables
from shared.storage.waiting import WaitingTable

_KNOWN = (100_000, 500_000)
_QUICK = (10_000,)
_ROUNDS, _WARM = 40, 3
_FIRST_VIEW_KB = 40.0
_P95_MS = 150.0
_STATUS_S = 1.0
_HISTORY_MS = 200.0
_RECORDS = 2_000
_WAITING = 300
_HELD = 1_000
_RUNS = 600
_RESULTS = 20_000
_LOADED = re.compile(r"""(?:src=|<link[^>]*href=|url\()["']?(https?:[^"')]+|//[^"')]+)""")
_TRIES = 5
_PAGE_TRIES = 4
_AT_ONCE = 500
"""Users written at once: a transaction or two for each partition, so that none waits for another."""
_HELD_RUN = "20261101T020000Z-sweep-0000be1d"
_LONG_RUN = "20261101T030000Z-request-00001009"
_PAGES = {
    "overview": "",
    "users ready": "/users",
    "users ready, next page": "/users?list=ready&after=l%7Cready%7Cuser01",
    "users on Microsoft": "/users?list=on_microsoft",
    "all users": "/users?list=all",
    "users by address": "/users?list=on_microsoft&search=user0042",
    "users by country": "/users?list=ready&country=DE",
    "runs": "/runs",
    "a held run": f"/runs/{_HELD_RUN}",
    "a run of 20,000": f"/runs/{_LONG_RUN}",
    "needs attention": "/attention",
    "a user": "/users/{user}",
    "health": "/health",
}
_LISTS = (Standing.ON_MICROSOFT,) * 7 + (Standing.READY, Standing.READY, Standing.EXCLUDED)
_STATIC = ("console.css", "htmx.min.js", "times.js", "icon.svg")


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the size of the first view, requests elsewhere, and the p95 of each page."""
    for number, users in enumerate(_QUICK if quick else _KNOWN):
        token = secrets.token_urlsafe(32)
        with (
            Stack(100) as stack,
            stack.host(disabled=BY_THEMSELVES, ACP_CONSOLE_TOKEN=token) as host,
        ):
            user = next(iter(stack.tenant.control("GET", "state")["users"]))["id"]
            asyncio.run(_fill(stack.connection_string, users, user))
            with httpx.Client(base_url=f"{host.origin}/api/console", timeout=60) as http:
                http.cookies.set(*_session(http, token))
                if not number:
                    yield _first_view(http)
                    yield _elsewhere(http, user)
                for name, path in _PAGES.items():
                    yield _page(http, name, path.format(user=user), users)
                history = f"{host.origin}/api/users/{user}/history"
                yield _page(http, "a user's history", history, users, _HISTORY_MS)
            yield _status(host.environment, users)


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


def _elsewhere(http: httpx.Client, user: str) -> Figure:
    """Return how many addresses of other origins the pages would make a browser load."""
    found: set[str] = set()
    for path in _PAGES.values():
        text = http.get(path.format(user=user)).raise_for_status().text
        text += "".join(http.get(f"/static/{name}").text for name in _STATIC if "css" in name)
        found |= set(_LOADED.findall(text))
    return Figure(
        "requests elsewhere", len(found), "", at_most=0, note="the browser tests count them, too"
    )


def _page(http: httpx.Client, name: str, path: str, users: int, at_most: float = _P95_MS) -> Figure:
    """Return a page's p95; one that misses is measured again, for others may use the machine meanwhile."""
    tries: list[float] = []
    while len(tries) < _PAGE_TRIES and min(tries, default=at_most + 1) > at_most:
        tries.append(1000 * _p95(http, path))
    again = f", best of {len(tries)}" if len(tries) > 1 else ""
    note = f"{users:,} users known{again}; load {os.getloadavg()[0]:.1f}"
    return Figure(f"{name}, p95", min(tries), "ms", at_most=at_most, note=note)


def _status(environment: Mapping[str, str], users: int) -> Figure:
    """Return how long `acp status` takes from its start to its end."""
    took = []
    for _ in range(_PAGE_TRIES):
        began = time.perf_counter()
        command = [sys.executable, "-m", "cli", "status", "--output", "json"]
        subprocess.run(command, env=dict(environment), check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    note = f"{users:,} users known, best of {len(took)}"
    return Figure("acp status", min(took), "s", at_most=_STATUS_S, note=note)


def _p95(http: httpx.Client, path: str) -> float:
    """Return the p95 of a page in seconds, the first answers left out."""
    taken = []
    for number in range(_WARM + _ROUNDS):
        began = time.perf_counter()
        http.get(path).raise_for_status()
        if number >= _WARM:
            taken.append(time.perf_counter() - began)
    return quantiles(taken, n=20)[-1]


async def _fill(connection: str, users: int, one: str) -> None:
    """Write what sweeps leave of so many users, and a history of the user `one` among others."""
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
    history = HistoryTable(tables.table("history"))
    for number, entry in enumerate(entries[:_RECORDS]):
        at, whose = now - timedelta(minutes=number), entry.user_id if number % 20 else one
        await history.add(HistoryRecord(whose, HistoryEvent.HELD, at, reason="too many"))
    await _fill_runs(tables, entries, now)
    await tables.close()


async def _fill_runs(tables: Tables, entries: Sequence[RosterEntry], now: datetime) -> None:
    """Write runs as two months leave them, one that holds users, and one with many results."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    held = HeldTable(tables.table("held"))
    begun = [now - timedelta(hours=2 * number) for number in range(_RUNS)]
    made = [
        Run(new_run_id(Signal.REQUEST, at), Signal.REQUEST, RunState.FINISHED, at) for at in begun
    ]
    at = now - timedelta(days=1)
    made.append(Run(_HELD_RUN, Signal.SWEEP, RunState.HELD, at, reason="too many"))
    counts = {"users": _RESULTS, "failed": 1}
    made.append(Run(_LONG_RUN, Signal.REQUEST, RunState.FINISHED, at, counts=counts))
    for run in made:
        await runs.save_run(run)
    for entry in entries[:_HELD]:
        await held.add_held(
            HeldUser(entry.user_id, entry.upn, "InterCall", Signal.SWEEP, _HELD_RUN, now)
        )
    results = [
        UserResult(entry.user_id, Outcome.MOVED, "", entry.upn) for entry in entries[:_RESULTS]
    ]
    results[-1] = replace(results[-1], outcome=Outcome.FAILED, reason="HTTP 403")
    for some in itertools.batched(results, 100, strict=False):
        await runs.record_results(_LONG_RUN, some, now)


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
