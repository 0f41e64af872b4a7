"""The janitor against the real Azurite: what is old goes, what is under way or saved stays."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from local.azurite.server import Azurite
from shared.domain.history import HistoryEvent, HistoryRecord
from shared.domain.move_request import RequestPage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retention import Retention
from shared.domain.run import Run, RunState, Signal, SweepPage
from shared.errors import ThrottledError
from shared.services.upkeep.janitor import Janitor
from shared.storage.held import HeldTable
from shared.storage.history import HistoryTable
from shared.storage.leftovers import LeftoverTables
from shared.storage.move_requests import MoveRequestTable
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.sweep_pages import SweepPageTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from shared.storage.waiting import WaitingTable
from shared.telemetry.log import EventLog
from tests.fakes import (
    FakeClock,
    FakeDirectory,
    guid,
    in_service,
    licensed,
    third_party,
)

_NUMBERS = itertools.count()
DAY = timedelta(days=1)
KEPT = Retention(
    runs=365 * DAY,
    held=30 * DAY,
    keys=30 * DAY,
    users=365 * DAY,
    poison=30 * DAY,
    history=400 * DAY,
)
NONE = dict.fromkeys(
    (
        "expired",
        "plans",
        "requests",
        "runresults",
        "guard",
        "runs",
        "keys",
        "actions",
        "history",
        "users",
        "poison",
    ),
    0,
)


@dataclass
class World:
    """The tables, and a janitor."""

    tables: Tables
    clock: FakeClock = field(default_factory=FakeClock)
    directory: FakeDirectory = field(default_factory=FakeDirectory)

    def __post_init__(self) -> None:
        table = self.tables.table
        self.runs = RunTable(table("runs"), table("runresults"))
        self.pages = SweepPageTable(table("plans"))
        self.requests = MoveRequestTable(table("requests"))
        self.users = UserTable(table("users"))
        self.replaced = ReplacedProviderTable(table("replacedproviders"))
        self.state = StateTable(table("state"))
        self.janitor = self.another()

    def another(self) -> Janitor:
        """A janitor of an instance of its own."""
        return Janitor(
            leftovers=LeftoverTables(self.tables),
            runs=self.runs,
            held=HeldTable(self.tables.table("held")),
            waiting=WaitingTable(self.tables.table("waiting"), self.clock),
            state=self.state,
            directory=self.directory,
            poison=[],
            retention=KEPT,
            clock=self.clock,
            log=EventLog("acp.janitor"),
        )

    async def add_run(self, state: RunState, age: timedelta, users: int = 1) -> Run:
        """A run of this age with rows in every table."""
        began = self.clock.now() - age
        name = f"{began:%Y%m%dT%H%M%SZ}-request-{next(_NUMBERS):08x}"
        run = Run(name, Signal.REQUEST, state, began, began, counts={"users": users})
        await self.runs.save_run(run)
        for first in range(0, users, 100):
            ids = [guid(number) for number in range(first, min(users, first + 100))]
            results = [UserResult(one, Outcome.MOVED, "x") for one in ids]
            await self.runs.record_results(name, results, began)
            await self.requests.save_page(name, RequestPage(first // 100, ids))
        await self.requests.mark_mailed(name, guid(1))
        await self.pages.save_sweep_page(name, SweepPage(0, [guid(1)], [guid(1)]))
        return run

    async def rows_of(self, run: Run) -> tuple[int, int, int, bool]:
        """How many plans, requests and results a run has, and whether it is there itself."""
        counts = []
        for name in ("plans", "requests", "runresults"):
            rows = self.tables.table(name).query("PartitionKey eq @run", {"run": run.id})
            counts.append(sum([1 async for _ in rows]))
        rows = self.tables.table("runs").query("RowKey eq @run", {"run": run.id}, ["RowKey"])
        return counts[0], counts[1], counts[2], any([True async for _ in rows])


@pytest.fixture
async def world(azurite_server: Azurite) -> AsyncIterator[World]:
    """Tables of this test alone."""
    opened = Tables.open(f"j{next(_NUMBERS)}x", connection=azurite_server.connection_string)
    yield World(opened)
    await opened.close()


async def test_a_run_that_ended_long_ago_goes_with_all_its_rows(world: World) -> None:
    """Results, requests, mail marks, plans and the run, page by page; nothing is left of it."""
    old = await world.add_run(RunState.FINISHED, 366 * DAY, users=1_001)
    young = await world.add_run(RunState.FINISHED, 364 * DAY)
    assert await world.janitor.clean() == {
        **NONE,
        "plans": 2,
        "requests": 12,
        "runresults": 1_001,
        "runs": 1,
    }
    assert await world.rows_of(old) == (0, 0, 0, False)
    assert await world.rows_of(young) == (0, 2, 1, True)


async def test_a_held_sweep_ends_and_its_plan_goes(world: World) -> None:
    """Nobody released it for a month: it can no longer be, its run stays with the reason; a younger stays."""
    old = await world.add_run(RunState.HELD, 31 * DAY)
    young = await world.add_run(RunState.HELD, 29 * DAY)
    assert await world.janitor.clean() == {**NONE, "expired": 1, "plans": 1}
    ended = await world.runs.find_run(old.id)
    assert ended is not None
    assert (ended.state, ended.finished_at) == (RunState.FAILED, world.clock.now())
    assert "not released in time" in ended.reason
    assert await world.rows_of(young) == (1, 2, 1, True)


async def test_a_sweep_that_is_released_meanwhile_stays(world: World) -> None:
    """The janitor saw it held; the administrator's release is not overwritten, and it is no error."""
    run = await world.add_run(RunState.HELD, 31 * DAY)
    plain, table = world.runs, world.tables.table

    class Meanwhile(RunTable):
        """Another process releases the run right after it was read."""

        async def find_run(self, run: str) -> Run | None:
            found = await super().find_run(run)
            if found and found.state is RunState.HELD:
                await plain.save_run(replace(found, state=RunState.RELEASED, released=True))
            return found

    world.runs = Meanwhile(table("runs"), table("runresults"))
    assert await world.another().clean() == NONE
    known = await plain.find_run(run.id)
    assert known is not None
    assert (known.state, known.released) == (RunState.RELEASED, True)


async def test_a_run_that_is_resumed_meanwhile_stays(world: World) -> None:
    """What was read as interrupted is not deleted once somebody has written it."""
    run = await world.add_run(RunState.INTERRUPTED, 400 * DAY)
    leftovers = LeftoverTables(world.tables)
    stored = await leftovers.find(run.id)
    known = await world.runs.find_run(run.id)
    assert stored is not None
    assert known is not None
    await world.runs.save_run(replace(known, state=RunState.RUNNING))
    assert not await leftovers.delete_run(stored)
    assert (await world.rows_of(run))[3]


async def test_rows_without_a_run_go(world: World) -> None:
    """What a crash left: a plan after a day, the rest after the time of a run."""
    old = await world.add_run(RunState.RUNNING, 400 * DAY)
    young = await world.add_run(RunState.RUNNING, 2 * DAY)
    for run in (old, young):
        leftovers = LeftoverTables(world.tables)
        stored = await leftovers.find(run.id)
        assert stored is not None
        assert await leftovers.delete_run(stored)
    await world.janitor.clean()
    assert await world.rows_of(old) == (0, 0, 0, False)
    assert await world.rows_of(young) == (0, 2, 1, False)


async def test_a_run_of_a_later_version_stays(world: World) -> None:
    """A state that this version does not know, and a damaged row, are kept and stop nobody."""
    odd = await world.add_run(RunState.FINISHED, 400 * DAY)
    damaged = await world.add_run(RunState.FINISHED, 400 * DAY)
    gone = await world.add_run(RunState.FINISHED, 399 * DAY)
    table = world.tables.table("runs")
    await table.merge({"PartitionKey": odd.id[:6], "RowKey": odd.id, "state": "dreaming"})
    await table.replace({"PartitionKey": damaged.id[:6], "RowKey": damaged.id})
    await world.janitor.clean()
    assert await world.rows_of(odd) == (1, 2, 1, True)
    assert (await world.rows_of(gone))[2] == 0
    assert await world.rows_of(damaged) == (1, 2, 1, True)


async def test_saved_entries_are_never_touched(world: World) -> None:
    """A saved record stays for ever: numbers and conference IDs cannot be recovered."""
    user = in_service(1, third_party())
    await world.replaced.save_entries(user, world.clock.now() - 9_000 * DAY)
    assert await world.janitor.clean() == NONE
    assert len(await world.replaced.of(user.id)) == 1


async def test_keys_and_actions_go_by_age(world: World) -> None:
    """The storage's own time of a key counts, so the clock of this test is moved."""
    await world.requests.run_of("key", "run-1", "asked")
    now = world.clock.now()
    await world.state.add_action("forget", "anna@x.example", "3 rows", now - 366 * DAY)
    await world.state.add_action("forget", "anna@x.example", "3 rows", now - 364 * DAY)
    assert await world.janitor.clean() == {**NONE, "actions": 1}
    world.clock.passed += (datetime.now(UTC) + 31 * DAY - now).total_seconds()
    cleaned = await world.janitor.clean()
    assert cleaned is not None
    assert cleaned["keys"] == 1
    assert await world.requests.run_of("key", "run-2", "another") == "run-2"


async def test_a_history_is_kept_for_so_many_days(world: World) -> None:
    """Each record goes by its own age, whoever is meant."""
    history, now = HistoryTable(world.tables.table("history")), world.clock.now()
    for days in (399, 401):
        at = now - days * DAY
        await history.add(HistoryRecord(guid(1), HistoryEvent.MOVED, at))
    assert await world.janitor.clean() == {**NONE, "history": 1}
    (left,), _ = await history.page([guid(1)], 10)
    assert left.at == now - 399 * DAY


async def test_a_user_whom_nobody_knows_any_more_goes(world: World) -> None:
    """Who left the directory is deleted; who is in it, was tried lately or cannot be asked for stays."""
    now = world.clock.now()
    for number, age in ((1, 400), (2, 400), (3, 10), (4, 400)):
        result = UserResult(guid(number), Outcome.MOVED, "x")
        await world.users.record_result(result, Signal.SWEEP, now - age * DAY)
    world.directory.add(licensed(2))
    world.directory.errors[guid(4)] = ThrottledError("Graph", "POST /v1.0/$batch", "HTTP 429")
    assert await world.janitor.clean() == {**NONE, "users": 1}
    left = {user.user_id async for user in world.users.all()}
    assert left == {guid(2), guid(3), guid(4)}
    asked = world.directory.batches
    world.directory.errors.clear()
    assert await world.janitor.clean() == {**NONE, "users": 1}
    assert world.directory.batches == asked + 1
