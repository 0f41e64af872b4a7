"""A night of the janitor as a whole: what goes, what stays, who is told, and the line that says so."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.domain.held import HeldUser
from shared.domain.messages import MoveMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retention import Retention, first_id_after
from shared.domain.retry import SettledUser
from shared.domain.run import Run, RunState, Signal
from shared.errors import ThrottledError
from shared.services.upkeep.janitor import Janitor
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    FakeHeld,
    FakePoison,
    FakeRuns,
    FakeState,
    FakeWaiting,
    guid,
    licensed,
)
from tests.fakes.leftovers import FakeLeftovers
from tests.loglines import Lines

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
KEPT = Retention(
    runs=365 * DAY,
    held=30 * DAY,
    keys=31 * DAY,
    users=300 * DAY,
    poison=29 * DAY,
    history=400 * DAY,
)
TABLES = ("plans", "requests", "runresults", "guard")
NONE = dict.fromkeys(
    ("expired", *TABLES, "runs", "keys", "actions", "history", "users", "poison"), 0
)
OLD = "held and not released in time; the sweeps since then found its users again; too many"
UNUSED = "released and not changed within a week; a sweep finds the user again"


class LeasedState(FakeState):
    """A state whose lease is lost after `lost` requests, and who requested it."""

    def __init__(self, lost: int = 1_000) -> None:
        super().__init__()
        self.asked = 0
        self.owners: set[str] = set()
        self.lost = lost

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        self.asked += 1
        self.owners.add(owner)
        got = await super().acquire(name, owner, now, span, renew=renew)
        return got and self.asked <= self.lost


@dataclass
class World:
    """What the janitor cleans."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    held: FakeHeld = field(default_factory=FakeHeld)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    state: LeasedState = field(default_factory=LeasedState)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    poison: list[FakePoison[MoveMessage]] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.leftovers = FakeLeftovers(self.runs)

    async def clean(self) -> dict[str, int] | None:
        """A night of an instance of its own."""
        janitor = Janitor(
            leftovers=self.leftovers,
            runs=self.runs,
            held=self.held,
            waiting=self.waiting,
            state=self.state,
            directory=self.directory,
            poison=self.poison,
            retention=KEPT,
            clock=self.clock,
            log=EventLog("acp.janitor"),
        )
        return await janitor.clean()

    async def add(self, state: RunState | None, age: timedelta, *tables: str) -> str:
        """A run, or none, that began and ended then, with three rows in each of these tables."""
        at = NOON - age
        name = f"{at:%Y%m%dT%H%M%SZ}-sweep-{len(self.leftovers.rows)}"
        if state:
            await self.runs.save_run(Run(name, Signal.SWEEP, state, at, at, "too many"))
        self.leftovers.rows |= dict.fromkeys(((table, name) for table in tables), 3)
        return name

    def rows_of(self, run: str) -> list[str]:
        """The tables that have rows of a run; `runs` where it is there itself."""
        tables = [table for table, each in self.leftovers.rows if each == run]
        return [*tables, "runs"] if run in self.runs.runs else tables


def line(lines: Lines) -> dict[str, str]:
    """The line of the night, without its operation."""
    return {name: text for name, text in lines.one("cleaned").items() if name != "operation"}


async def test_a_whole_night(caplog: pytest.LogCaptureFixture) -> None:
    """Of each kind what is older than its time goes, to the second; the line tells how much."""
    lines, world = Lines(caplog), World()
    gone = await world.add(RunState.FINISHED, KEPT.runs + SECOND, *TABLES)
    ends = await world.add(RunState.HELD, KEPT.held + SECOND, "plans", "guard")
    left = world.leftovers
    left.keys = [NOON - KEPT.keys - n * SECOND for n in range(4)]
    left.actions = [NOON - KEPT.runs - n * SECOND for n in range(6)]
    left.history = {(guid(n), "at"): NOON - KEPT.history - n * SECOND for n in range(3)}
    old = NOON - KEPT.users - SECOND
    left.users = {guid(n): old for n in (1, 2, 3)} | {guid(4): NOON - KEPT.users}
    world.directory.add(licensed(2))
    world.directory.errors[guid(3)] = ThrottledError("Graph", "POST /v1.0/$batch", "HTTP 429")
    times = [NOON - KEPT.poison - SECOND, NOON - KEPT.poison, NOON - 99 * DAY, NOON - 99 * DAY]
    message = MoveMessage(Signal.SWEEP, (guid(1),))
    world.poison = [FakePoison(["x"]), FakePoison(["x", "x", message, "x"], inserted=times)]
    row = HeldUser(guid(1), "a@b.example", "BT", Signal.SWEEP, "run", NOON - 20 * DAY, "why", True)
    releases = [replace(row, user_id=guid(n), released_at=NOON - n * DAY) for n in (7, 8)]
    on_list = replace(row, user_id=guid(9), run=ends, released=False, runs=("other",))
    world.held.rows = {each.user_id: each for each in (*releases, on_list)}
    cleaned = {**NONE, "expired": 2, "plans": 6, "requests": 3, "runresults": 3, "guard": 3}
    cleaned |= {"runs": 1, "keys": 3, "actions": 5, "history": 2, "users": 1, "poison": 2}
    assert await world.clean() == cleaned
    assert (world.rows_of(gone), world.rows_of(ends)) == ([], ["guard", "runs"])
    assert world.runs.runs[ends] == Run(
        ends, Signal.SWEEP, RunState.FAILED, NOON - KEPT.held - SECOND, NOON, OLD
    )
    cancelled = UserResult(guid(9), Outcome.CANCELLED, OLD, "a@b.example")
    unused = replace(cancelled, user_id=guid(8), reason=UNUSED)
    assert world.held.rows == {guid(7): releases[0]}
    assert list(world.waiting.told.values()) == [
        SettledUser(cancelled, ("other",)),
        SettledUser(unused, ("run",)),
    ]
    assert (left.keys, left.actions) == ([NOON - KEPT.keys], [NOON - KEPT.runs])
    assert list(left.history) == [(guid(0), "at")]
    assert left.users == {guid(2): NOON, guid(3): old, guid(4): NOON - KEPT.users}
    assert [each.deleted for each in world.poison] == [[], ["message-0", "message-3"]]
    over = first_id_after(NOON - KEPT.runs)
    assert left.asked == [
        ("runs", first_id_after(NOON - KEPT.held)),
        ("plans", first_id_after(NOON - DAY)),
        *((table, over) for table in (*TABLES[1:], "runs")),
    ]
    assert world.state.leased == [
        ("janitor", NOON, timedelta(minutes=15), False),
        ("janitor", NOON, None, False),
    ]
    figures = {name: str(count) for name, count in cleaned.items()}
    assert line(lines) == {**figures, "complete": "yes", "duration_ms": "0"}


@pytest.mark.parametrize(
    ("state", "age", "kept"),
    [
        (RunState.FINISHED, 366 * DAY, []),
        (RunState.FINISHED, 2 * DAY, ["requests", "runs"]),
        (RunState.FINISHED, DAY, ["plans", "requests", "runs"]),
        (RunState.INTERRUPTED, 366 * DAY, []),
        (RunState.INTERRUPTED, 2 * DAY, ["plans", "requests", "runs"]),
        (RunState.RUNNING, 999 * DAY, ["plans", "requests", "runs"]),
        (None, 366 * DAY, []),
        (None, 2 * DAY, ["requests"]),
    ],
)
async def test_which_rows_of_a_run_stay(
    state: RunState | None, age: timedelta, kept: list[str]
) -> None:
    """By its state and age: plans go with its end, the rest a year later; of no run, as if it had ended."""
    world = World()
    run = await world.add(state, age, "plans", "requests")
    await world.clean()
    assert world.rows_of(run) == kept


@pytest.mark.parametrize("state", [RunState.INTERRUPTED, RunState.HELD])
async def test_a_sweep_that_a_timer_is_about_to_resume_stays(state: RunState) -> None:
    """The current one, and those that were released."""
    world = World()
    names = [await world.add(state, 999 * DAY, "plans", "requests") for _ in range(2)]
    world.state.released = names[state is RunState.INTERRUPTED :]
    world.state.sweep = names[0]
    assert await world.clean() == NONE
    assert {tuple(world.rows_of(name)) for name in names} == {("plans", "requests", "runs")}


@pytest.mark.parametrize("how", ["released", "busy", "unreadable", "deleted", "failed"])
async def test_a_held_sweep_that_cannot_be_ended_is_passed_over(how: str) -> None:
    """Somebody decides about it just now, or its row cannot be read: the night goes on."""
    world = World()
    name = await world.add(RunState.HELD, 31 * DAY)

    class Meanwhile(FakeRuns):
        async def find_run(self, run: str) -> Run | None:
            if how == "deleted":
                return None
            if how == "released":
                await self.save_run(replace(self.runs[run], state=RunState.RELEASED))
            found = await super().find_run(run)
            return replace(found, revision="0") if found and how == "busy" else found

    unreadable = {name} if how == "unreadable" else set()
    world.runs = Meanwhile(world.runs.runs, unreadable, world.runs.revisions)
    world.leftovers = FakeLeftovers(world.runs, keys=[NOON - 99 * DAY])
    row = HeldUser(guid(1), "", "BT", Signal.SWEEP, name, NOON)
    world.held.rows = {guid(1): row}
    ended = how == "failed"
    assert await world.clean() == {**NONE, "expired": int(ended), "keys": 1}
    assert (world.held.rows == {}) is ended


async def test_a_night_has_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    """The lease is renewed once a minute; then it stops between two steps, and the next night goes on."""
    lines, world = Lines(caplog), World()

    class Slow(FakeLeftovers):
        async def delete_history(self, keys: tuple[str, str]) -> None:
            await super().delete_history(keys)
            world.clock.passed += 30

    world.leftovers = Slow(world.runs)
    world.leftovers.history = {(guid(n), ""): NOON - 999 * DAY for n in range(30)}
    assert await world.clean() == {**NONE, "history": 20}
    minute, span = timedelta(minutes=1), timedelta(minutes=15)
    assert world.state.leased == [
        *(("janitor", NOON + n * minute, span, n > 0) for n in range(10)),
        ("janitor", NOON + 10 * minute, None, False),
    ]
    assert len(world.state.owners) == 1
    figures = dict.fromkeys(NONE, "0") | {"history": "20"}
    assert line(lines) == {**figures, "complete": "no", "duration_ms": "600000"}
    assert await world.clean() == {**NONE, "history": 10}
    assert len(world.state.owners) == 2


async def test_whoever_has_not_the_lease_stops(caplog: pytest.LogCaptureFixture) -> None:
    """After a minute it is another's: nothing more is deleted; who never had it looks at nothing."""
    lines, world = Lines(caplog), World(state=LeasedState(lost=1))
    world.leftovers.history = {(guid(n), ""): NOON - 999 * DAY for n in range(3)}

    class Slow(FakeLeftovers):
        async def delete_history(self, keys: tuple[str, str]) -> None:
            await super().delete_history(keys)
            world.clock.passed += 60

    world.leftovers = Slow(world.runs, history=world.leftovers.history)
    assert await world.clean() == {**NONE, "history": 1}
    assert line(lines)["complete"] == "no"
    other = World(state=LeasedState(lost=0))
    assert (await other.clean(), other.leftovers.asked) == (None, [])


async def test_five_thousand_users_a_night() -> None:
    """More are not looked up; the next night continues where it stopped."""
    world = World()
    world.directory.add(*(licensed(number) for number in range(5_001)))
    world.leftovers.users = dict.fromkeys(map(guid, range(5_001)), NOON - 999 * DAY)
    await world.clean()
    assert (world.directory.batches, list(world.leftovers.users.values()).count(NOON)) == (
        250,
        5_000,
    )
    await world.clean()
    assert (world.directory.batches, set(world.leftovers.users.values())) == (251, {NOON})
