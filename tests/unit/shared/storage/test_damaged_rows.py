"""A damaged row, or one of a newer version, at every door: named, set aside, nobody else's trouble.

Every property of every row that the real app wrote, in each way a property can be wrong, before each
door: the tables are the app's own, over the simulated storage account.
"""

import copy
import json
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import azure.functions as func
import pytest

from functions.http import runs as runs_api
from functions.http import users as users_api
from functions.http.responses import Reply, problem
from shared.bootstrap.services import App
from shared.domain.messages import MoveMessage, PageMessage
from shared.domain.move_request import MoveRequest
from shared.domain.pause import RequestedBy
from shared.domain.retention import Retention
from shared.domain.retry import ask_person
from shared.domain.run import Mode, Run, RunState, Signal, SweepPage
from shared.errors import AcpError
from shared.services.upkeep.janitor import Janitor
from shared.storage.tables import Tables
from tests.simulation.fate import Dice, Gate, Process
from tests.simulation.loop import MIDNIGHT, Clock, run
from tests.simulation.people import People, State
from tests.simulation.storage import Keys, Row
from tests.simulation.world import TENANT, World, settings

SWEEP: Final = "20261122T020000Z-sweep-00000001"
HELD: Final = "20261122T020000Z-sweep-00000002"
REQUEST: Final = "20261122T020000Z-request-00000003"
YESTERDAY: Final = MIDNIGHT - timedelta(hours=1)

_AT_ONCE: Final = 40
"""Cases in one universe, whose garbage is kept until its end."""

Damage = Callable[[Any], Any]
Case = tuple[str, Keys, str, str]
"""Table, keys, property, and the damage."""


def _another_type(value: Any) -> Any:
    return "yesterday" if isinstance(value, datetime | bool | int | bytes) else 7


def _huge(value: Any) -> Any:
    match value:
        case str():
            return "x" * 30_000
        case bytes():
            return b"x" * 60_001
        case datetime():
            return datetime(9999, 12, 31, tzinfo=UTC)
        case _:
            return 2**62


DAMAGES: Final[dict[str, Damage]] = {
    "missing": lambda _: None,
    "another type": _another_type,
    "a date": lambda _: YESTERDAY,
    "huge": _huge,
    "unknown word": lambda _: "of-a-newer-version",
    "bad JSON": lambda _: "{" * 2_000,
    "other JSON": lambda _: '[null, 7, {"user": null}]',
    "empty": lambda _: "",
}


async def _populate(world: World, people: People, app: App) -> None:
    """Let the app write at least one row of each kind."""
    to = app.adapters
    await app.subscriber.keep()
    await app.catch_up.catch_up()
    await app.protection.remember()
    await to.state.save_rule_faults(["a fault"])
    await to.state.request_sweep()
    users = [user.id for user in people]
    await app.mover.handle(MoveMessage(Signal.CATCH_UP, tuple(users[:3]), mode=Mode.MOVE))
    await to.waiting.save_waiting(ask_person(users[4], "", "why", YESTERDAY))
    sweep = Run(SWEEP, Signal.SWEEP, RunState.INTERRUPTED, MIDNIGHT, page=1, mode=Mode.MOVE)
    await to.runs.save_run(sweep)
    await to.state.save_current_sweep(SWEEP, None)
    held = Run(HELD, Signal.SWEEP, RunState.HELD, YESTERDAY, YESTERDAY, "why", {"users": 3})
    await to.runs.save_run(held)
    for run_id in (SWEEP, HELD):
        await to.sweep_pages.save_sweep_page(run_id, SweepPage(1, users[:2], users[:2]))
    accepted = await app.move_requests.accept(MoveRequest((users[0], "nobody@x.example")), "key")
    await app.move_requests.work(PageMessage(accepted.id, 1), again=False)
    await to.runs.save_run(Run(REQUEST, Signal.REQUEST, RunState.RUNNING, MIDNIGHT, scanned=True))
    await app.move_runner.write_pages(REQUEST, users[:2])
    await to.state.acquire("sweep", "dead", MIDNIGHT - timedelta(hours=1), timedelta(minutes=5))
    world.queues["moves"].letters.clear()


class Bench:
    """A storage account that the app has filled, restored before each case."""

    def __init__(self) -> None:
        self.people = People()
        for number in range(6):
            entries = self.people.third_party("BT") if number % 2 else ()
            self.people.add(State(entries=entries, ready=number != 2))
        self.world = World(Gate(Dice(random.Random(1), {})), self.people, random.Random(1))
        self.filled: dict[str, dict[Keys, Row]] = {}

    async def fill(self) -> None:
        await _populate(self.world, self.people, self.app())
        self.filled = copy.deepcopy(self.world.account.tables)

    def app(self) -> App:
        """Return a process that has just started; it reads everything from the tables."""
        app = self.world.app(Process("one", Clock(), "move"), settings())
        for service in (app.adapters.graph, app.adapters.teams):
            vars(service)["probe"] = _answers
        return app

    def cases(self) -> Iterator[Case]:
        for table, rows in self.filled.items():
            for keys, row in rows.items():
                for name in row:
                    if not name.startswith("_") and name not in ("PartitionKey", "RowKey"):
                        yield from ((table, keys, name, damage) for damage in DAMAGES)

    def damage(self, case: Case) -> None:
        """Restore everything, and damage one property of one row."""
        table, keys, name, damage = case
        for each, rows in self.world.account.tables.items():
            rows.clear()
            rows.update(copy.deepcopy(self.filled.get(each, {})))
        row = self.world.account.tables[table][keys]
        value = DAMAGES[damage](row[name])
        if value is None:
            del row[name]
        else:
            row[name] = value
        self.world.queues["moves"].letters.clear()

    @property
    def request(self) -> str:
        """The run that was accepted over HTTP."""
        runs = [keys[1] for keys in self.filled["runs"]]
        return next(run for run in runs if run not in (SWEEP, HELD, REQUEST))


async def _answers() -> None:
    """What a service's probe does that is well."""


def _asked(accept: str = "", **parts: str) -> func.HttpRequest:
    return func.HttpRequest(
        "GET", "/api", headers={"Accept": accept}, params={}, route_params=parts, body=b""
    )


Handler = Callable[[App, func.HttpRequest], Awaitable[Reply]]


def _http(handler: Handler, accept: str = "", **parts: str) -> Callable[[App], Awaitable[None]]:
    async def call(app: App) -> None:
        try:
            await handler(app, _asked(accept, **parts))
        except AcpError as error:
            if problem(error).status_code not in (404, 409, 503):
                raise

    return call


async def _webhook(app: App) -> None:
    notice = {"subscriptionId": "x", "clientState": "y", "tenantId": TENANT}
    await app.intake.webhook(json.dumps({"value": [notice]}).encode())


def _timer(work: Callable[[App], Awaitable[object]]) -> Callable[[App], Awaitable[None]]:
    async def call(app: App) -> None:
        with suppress(AcpError):  # a named fault; the timer runs again
            await work(app)

    return call


async def _cleans(app: App) -> None:
    """The janitor comes to its end, whatever is damaged, where nothing is kept for any time."""
    to, none = app.adapters, timedelta()
    janitor = Janitor(
        leftovers=to.leftovers,
        runs=to.runs,
        held=to.held,
        waiting=to.waiting,
        state=to.state,
        directory=to.graph,
        poison=[],
        retention=Retention(none, none, none, none, none, none),
        clock=to.clock,
        log=to.log("janitor"),
    )
    await janitor.clean()


async def _forgets(app: App, user: str) -> None:
    await app.forgetter.forget(await app.forgetter.find(user), RequestedBy("op"))


async def _ends_a_sweep(app: App) -> None:
    """Everybody is swept within hours, whatever is damaged."""
    before = {each.id async for each in app.run_history.runs(1)}
    for _ in range(180):
        await _timer(lambda app: app.sweeper.resume())(app)
        async for each in app.run_history.runs(1):
            if each.id not in before and each.state in (RunState.MOVING, RunState.HELD):
                return
        await app.adapters.clock.sleep(60)
    raise AssertionError("no sweep of everybody came to its end")


def doors(bench: Bench) -> dict[str, Callable[[App], Awaitable[None]]]:
    """Everything that reads rows, by name."""
    user = next(iter(bench.people)).id
    found: dict[str, Callable[[App], Awaitable[None]]] = {
        "list_runs": _http(runs_api.list_runs),
        "list_moves": _http(runs_api.list_moves),
        "list_attention": _http(users_api.list_attention),
        "list_ready": _http(users_api.list_ready),
        "show_user": _http(users_api.show_user, user=user),
        "show_history": _http(users_api.show_history, user=user),
        "show_saved": _http(users_api.show_saved, user=user),
        "webhook": _webhook,
        "sweep": _timer(lambda app: app.sweeper.sweep()),
        "sweeps end": _ends_a_sweep,
        "catch_up": _timer(lambda app: app.catch_up.catch_up()),
        "recheck": _timer(lambda app: app.rechecker.recheck()),
        "poison": _timer(lambda app: app.poison.record()),
        "measure": _timer(lambda app: app.metrics.measure()),
        "keep_subscription": _timer(lambda app: app.subscriber.keep()),
        "remember": _timer(lambda app: app.protection.remember()),
        "janitor": _cleans,
        "forget": _timer(lambda app: _forgets(app, user)),
        "health": _timer(lambda app: app.health.check()),
        "move_users": lambda app: _moves(app, bench),
        "page": _timer(lambda app: app.move_requests.work(PageMessage(REQUEST, 1), again=True)),
        "key again": _timer(
            lambda app: app.move_requests.accept(MoveRequest((user, "nobody@x.example")), "key")
        ),
    }
    for run_id in (SWEEP, HELD, REQUEST, bench.request):
        found[f"show_run {run_id}"] = _http(runs_api.show_run, run=run_id)
        found[f"show_results {run_id}"] = _http(runs_api.show_results, run=run_id)
        found[f"release_run {run_id}"] = _http(runs_api.release_run, run=run_id)
    found["show_results csv"] = _http(runs_api.show_results, "text/csv", run=bench.request)
    return found


async def _moves(app: App, bench: Bench) -> None:
    """Each user of a message gets a result, whoever's row is damaged."""
    users = tuple(user.id for user in bench.people)
    assert len(await app.mover.handle(MoveMessage(Signal.RECHECK, users, mode=Mode.MOVE))) == len(
        users
    )


def play(every: int) -> tuple[int, int, list[str]]:
    """Play each `every`-th case at each door; return the numbers of cases and of inputs, and what broke."""

    async def story(first: int) -> tuple[int, int, list[str]]:
        bench = Bench()
        await bench.fill()
        cases, broken = list(bench.cases())[::every][first : first + _AT_ONCE], []
        for case in cases:
            for name, door in doors(bench).items():
                bench.damage(case)
                try:
                    await door(bench.app())
                except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                    broken.append(f"{case} at {name}: {error!r}"[:400])
        return len(cases), len(cases) * len(doors(bench)), broken

    played, tried = 0, 0
    broken: list[str] = []
    while (here := run(1, story(played)))[0]:
        played, tried, broken = played + here[0], tried + here[1], [*broken, *here[2]]
    return played, tried, broken


def test_a_damaged_row_stops_nobody() -> None:
    """Some of the properties of every table, each in another way, at every door."""
    cases, tried, broken = play(83)
    assert broken == []
    assert cases > 10
    assert tried > 300


@pytest.mark.large
def test_no_damage_of_any_property_stops_anybody(capsys: pytest.CaptureFixture[str]) -> None:
    """Every property of every table, in every way, at every door."""
    logging.disable(logging.ERROR)
    try:
        cases, tried, broken = play(1)
    finally:
        logging.disable(logging.NOTSET)
    with capsys.disabled():
        sys.stdout.write(f"{cases} damages, {tried} inputs, {len(broken)} unhandled or 500\n")
    assert broken == []


def test_neighbors_of_a_damaged_row_are_listed() -> None:
    """One damaged row of a table hides no other, and is counted once, until it can be read again."""

    async def story() -> tuple[list[str], list[str], dict[str, int], dict[str, int]]:
        bench = Bench()
        await bench.fill()
        bench.damage(("runs", ("202611", HELD), "state", "unknown word"))
        app = bench.app()
        tables: Tables = app.adapters.tables
        for _ in range(3):
            listed = [each.id async for each in app.run_history.runs(1)]
        counted = tables.unreadable.counts()
        bench.damage(("runs", ("202611", HELD), "reason", "unknown word"))
        whole = [each.id async for each in app.run_history.runs(1)]
        return listed, whole, counted, tables.unreadable.counts()

    listed, whole, counted, after = run(1, story())
    assert sorted([*listed, HELD]) == sorted(whole)
    assert (len(listed), counted, after) == (3, {"runs": 1}, {})
