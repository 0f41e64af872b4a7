"""What console, HTTP API, status and services ask of the tables: one partition, a page at a time, or why not.

Azurite hides a scan of a table: over 500,000 rows it answers in milliseconds what takes minutes in Azure. So
every query on the wire is recorded.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import pytest

from functions.console.door import PAGES
from functions.http.routes import ROUTES
from local.azurite.server import Azurite
from shared.domain.messages import MoveMessage
from shared.domain.run import Mode, Signal
from tests.e2e.proxy import Forward, Proxy, Reply, Request
from tests.integration.functions.console.desk import FAILED, HELD, Desk, open_desk
from tests.integration.functions.console.forms import FORMS

_QUERY = re.compile(r"/[^/]+/([A-Za-z0-9]+)\(\)")
_ONE_PARTITION = re.compile(r"PartitionKey eq '[^']*'")

ACROSS = {
    "waiting": "only users who wait or need attention have a row: few, and all of them are asked for",
    "held": "only users whom the guard holds have a row, and all of them are asked for",
}
"""Tables that services, API and status may read across partitions, with the reason; no page may."""

ENDLESS = {
    "waiting": "as above: the storage's own pages of 1,000 rows",
    "held": "a decision is about everybody of a run: the storage's own pages of 1,000 rows",
    "replacedproviders": "what was saved of one user: a handful of rows",
    "runresults": "the results of one run, streamed: all of them were asked for",
    "requests": "the pages of one run, each of 100 names, streamed",
    "plans": "the pages of one sweep, streamed",
    "state": "the actions or open runs of one partition, streamed",
    "roster": "by id or by name of the row: as many rows as are named; or the digests of a sweep, streamed",
}
"""Tables that may be asked for one partition without a page limit, with the reason.

On pages only by forms: where a person waits for a list, each query has a limit.
"""


SERVICES = {
    (
        "sweep",
        "replacedproviders",
    ): "once a sweep, keys alone: one scan instead of an offer per user",
    ("move", "guard"): "the slots of the guard's window, a fixed number",
    ("janitor", "guard"): "once a night: the next partition, one row at a time",
    ("janitor", "plans"): "once a night: the next partition, one row at a time",
    ("janitor", "requests"): "once a night: the next partition, one row at a time",
    ("janitor", "runresults"): "once a night: the next partition, one row at a time",
    ("janitor", "runs"): "once a night: the runs of months that have ended",
    ("janitor", "history"): "once a night: records that are too old, of whomever, streamed",
    ("list_runs", "runs"): "the first row of the table: the month of the oldest run",
    ("list_moves", "runs"): "the first row of the table: the month of the oldest run",
    ("janitor", "users"): "once a night: who was not tried for long, streamed",
}
"""What single services do besides, with the reason."""


@dataclass(frozen=True)
class Asked:
    """A query: by whom, of which table, its filter, and its page."""

    who: str
    table: str
    text: str
    top: str | None

    @property
    def across(self) -> bool:
        """Whether it leaves the partition open."""
        return not _ONE_PARTITION.search(self.text)


class Recorder:
    """A rule of the proxy that passes everything on and keeps each query."""

    def __init__(self) -> None:
        self.who = ""
        self.queries: list[Asked] = []

    def __call__(self, request: Request, forward: Forward) -> Reply:
        """Keep a query and pass it on."""
        address = urlsplit(request.target)
        match = _QUERY.fullmatch(address.path)
        if request.method == "GET" and match:
            given = parse_qs(address.query)
            table = re.sub(r"^desk\d+x", "", match[1])
            text, top = given.get("$filter", [""])[0], given.get("$top", [None])[0]
            self.queries.append(Asked(self.who, table, text, top))
        return forward(request)


@pytest.fixture(scope="module")
async def recorded(azurite_server: Azurite) -> AsyncIterator[tuple[Desk, Recorder]]:
    """A console whose tables are behind a proxy that keeps what they are asked."""
    connection, recorder = azurite_server.connection_string, Recorder()
    tables = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
    origin = f"http://{urlsplit(tables['TableEndpoint']).netloc}"
    with Proxy(origin, recorder) as proxy:
        async with open_desk(connection.replace(origin, proxy.origin)) as desk:
            await desk.fill()
            await desk.app.adapters.waiting.first_in_need(
                1
            )  # has looked for rows of an old version
            recorder.queries = []
            yield desk, recorder


def _path(pattern: str, user: str) -> str:
    if pattern == "user":
        return f"user?name={user}"
    if pattern == "users":
        return "users?list=all&search=a&provider=BT&country=DE&department=Sales"
    run = FAILED if "results" in pattern else HELD
    path = pattern.replace("users/*", f"users/{user}").replace("runs/*", f"runs/{run}")
    return f"{path}?run={run}" if pattern == "users/*/progress" else path


async def test_pages_ask_one_partition_for_a_page(recorded: tuple[Desk, Recorder]) -> None:
    """Every page, part of a page and download: no exception."""
    desk, recorder = recorded
    recorder.queries = []
    user = desk.user("third_party")["id"]
    for verb, pattern in PAGES:
        if verb == "GET":
            recorder.who = pattern
            found = await desk.get(_path(pattern, user))
            assert found.status in (200, 303), pattern
    # Health is the doctor, who counts all who wait and all who are held.
    asked = [each for each in recorder.queries if each.who != "health"]
    assert {each.table for each in asked} >= {"roster", "waiting", "runs", "runresults", "held"}
    whole = {"replacedproviders"}  # what was saved of one user: a handful
    wrong = [
        each for each in asked if each.across or (each.top is None and each.table not in whole)
    ]
    assert wrong == []


async def test_a_look_is_written_by_keys_alone(recorded: tuple[Desk, Recorder]) -> None:
    """No query: one for several keys reads the whole partition ("Design for querying")."""
    desk, recorder = recorded
    roster = desk.app.adapters.roster
    seen = await roster.of(desk.user("third_party")["id"])
    assert seen is not None
    recorder.queries = []
    later = seen.seen_at + timedelta(minutes=1)
    await roster.note([replace(seen, seen_at=later)], later)
    assert recorder.queries == []
    assert await roster.of(seen.user_id) == replace(seen, seen_at=later)


def _unexplained(recorder: Recorder) -> list[Asked]:
    return [
        each
        for each in recorder.queries
        if (each.who, each.table) not in SERVICES
        and (
            (each.across and each.table not in ACROSS)
            or (each.top is None and each.table not in ENDLESS)
        )
    ]


async def test_the_api_asks_one_partition(recorded: tuple[Desk, Recorder]) -> None:
    """Every list and status of the HTTP API, which are those of the command line, too."""
    desk, recorder = recorded
    recorder.queries = []
    user = desk.user("third_party")["id"]
    for route in ROUTES:
        if route.method != "GET" or route.name == "describe_api":
            continue
        recorder.who = route.name
        path = route.path.replace("{user}", user).replace("{run}", FAILED)
        request = func.HttpRequest(
            method="GET",
            url=f"http://127.0.0.1:7071/api/{path}",
            headers={"Accept": "application/json"},
            route_params={"user": user, "run": FAILED},
            body=b"",
        )
        work: Callable[..., Awaitable[object]] = getattr(
            import_module(f"functions.http.{route.module}"), route.name
        )
        assert await work(desk.app, request)
    recorder.who = "acp status"
    await desk.app.status.read()
    assert {each.who for each in recorder.queries} >= {"acp status", "list_runs", "list_held"}
    assert _unexplained(recorder) == []


async def test_forms_ask_one_partition(recorded: tuple[Desk, Recorder]) -> None:
    """Every form, carried out; a decision reads all users of its run, and says so in the table."""
    desk, recorder = recorded
    recorder.queries = []
    for name, form in FORMS.items():
        if form.before:
            await form.before(desk)
        recorder.who = name
        sent = await form.filled(desk)
        if name == "runs/*/release":  # and leave the others to be discarded
            sent |= {"which": "selected", "user": desk.user("third_party")["id"]}
        found = await desk.post(form.at(desk, form.action), sent)
        assert found.status in (200, 303), (name, found.alerts)
    assert _unexplained(recorder) == []


async def test_services_ask_one_partition(recorded: tuple[Desk, Recorder]) -> None:
    """A sweep, a message of moves, and each part of the upkeep."""
    desk, recorder = recorded
    recorder.queries = []
    app = desk.app
    users = tuple(user["id"] for user in desk.people["third_party"][5:8])
    work: dict[str, Callable[[], Awaitable[object]]] = {
        "sweep": app.sweeper.sweep,
        "move": lambda: app.mover.move(MoveMessage(Signal.CATCH_UP, users, mode=Mode.MOVE)),
        "recheck": app.rechecker.recheck,
        "outcomes": app.run_outcomes.update,
        "releases": app.releases.resume,
        "metrics": app.metrics.measure,
        "tick": app.ticker.tick,
        "janitor": app.janitor.clean,
    }
    for name, do in work.items():
        recorder.who = name
        await do()
    assert {each.who for each in recorder.queries} >= {"sweep", "move", "recheck", "metrics"}
    assert _unexplained(recorder) == []


def test_every_exception_has_its_reason() -> None:
    """A table may be read without a limit only if somebody wrote down why that is harmless."""
    reasons = (*ACROSS.values(), *ENDLESS.values(), *SERVICES.values())
    assert all(len(reason) > 20 for reason in reasons)
    assert set(ACROSS) <= set(ENDLESS)
