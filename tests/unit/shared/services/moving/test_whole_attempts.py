"""One attempt as a whole: its result, what it leaves in the tables, and what it logs."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.decision import Action
from shared.domain.guard import Slot, held_run_id
from shared.domain.held import HeldUser
from shared.domain.history import DialIn, HistoryEvent, HistoryRecord
from shared.domain.messages import MoveMessage
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import Pace, Waiting, WaitReason, ask_person
from shared.domain.roster import RosterEntry, Standing
from shared.domain.run import Mode, Run, RunState, Signal
from shared.domain.user import ServiceUser
from shared.errors import (
    AccessDeniedError,
    NotFoundError,
    RetryLaterError,
    ServerFaultError,
    StorageError,
    TooLargeError,
)
from shared.services.moving.guard import GuardCounter
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeGuardSlots,
    FakeHeld,
    FakeRuns,
    FakeState,
    FakeTeams,
    guid,
    in_service,
    licensed,
    third_party,
)
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import LIMIT
from tests.unit.shared.services.moving.world import MovingWorld as World

HOUR = timedelta(hours=1)
ADDRESS = licensed().upn
WHO = str(EventLog("").who(guid(1)))
LIST = "20261123T120000Z-catch-up-held"
WHY = "ACP_GUARD_MAX_MOVES is 0 per 60 minutes"
REASON = f"the provider is InterCall; held: {WHY}; on the list of {LIST}"
READ = UserResult(
    guid(1),
    Outcome.WAITING,
    "",
    ADDRESS,
    "InterCall",
    decision=Action.REPLACE,
    provider="InterCall",
)
HELD = replace(READ, outcome=Outcome.HELD, reason=REASON)
ROW = HeldUser(guid(1), ADDRESS, "InterCall", Signal.CATCH_UP, LIST, NOON, WHY, runs=(LIST,))
FIGURES = dict.fromkeys(
    ("moved", "bridge_changed", "would_move", "would_change_bridge", "waiting", "failed"), "0"
) | {"throttled": "0", "duration_ms": "0"}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What is logged from here on."""
    return Lines(caplog)


def logged(lines: Lines) -> list[dict[str, str]]:
    """Every line, without its operation."""
    told = [{"event": event, **fields} for event, fields in lines.all]
    assert all(len(each.pop("operation")) == 16 for each in told)
    return told


async def test_who_is_held(world: World, lines: Lines) -> None:
    """On the list of the hour, with a run, a record and two lines; the next look finds the user there."""
    world.signal, world.limit = Signal.CATCH_UP, replace(LIMIT, moves=0)
    mover = world.mover()
    assert await mover.move(world.message(guid(1))) == [HELD]
    assert world.held.rows == {guid(1): ROW}
    run = Run(LIST, Signal.CATCH_UP, RunState.HELD, NOON, reason=WHY, scanned=True, mode=Mode.MOVE)
    assert (world.runs.runs, world.runs.recorded) == ({LIST: run}, {LIST: [HELD]})
    assert world.runs.recorded_at == {LIST: NOON}
    had = DialIn("InterCall")
    record = HistoryRecord(
        guid(1), HistoryEvent.HELD, NOON, ADDRESS, "catch_up", LIST, reason=WHY, before=had
    )
    assert world.history.of(guid(1)) == [record]
    entry = RosterEntry(guid(1), Standing.HELD, REASON, NOON, ADDRESS, "InterCall", country="US")
    assert (world.roster.entries, world.waiting.rows) == ({guid(1): entry}, {})
    decided = {
        "event": "decided",
        "user": WHO,
        "decision": "replace",
        "outcome": "held",
        "cause": "catch_up",
        "attempt": "1",
        "duration_ms": "0",
        "reason": REASON,
    }
    handled = {"event": "handled", "cause": "catch_up", "users": "1", **FIGURES}
    held = {"event": "held", "user": WHO, "cause": "catch_up", "run": LIST, "reason": WHY}
    assert logged(lines) == [held, decided, handled]
    world.clock.passed = 5
    assert await mover.move(world.message(guid(1))) == [HELD]
    assert len(lines.of("held")) == 1
    named = MoveMessage(Signal.REQUEST, (guid(1),), "run-1", mode=Mode.MOVE)
    (result,) = await world.mover().move(named, MoveOptions(expected=1))
    assert result.outcome is Outcome.MOVED, "a person names the number: it is more than the hold"


async def test_a_run_that_is_cancelled_while_a_user_is_listed_holds_nobody(world: World) -> None:
    """Its users are cancelled: a list of the held must not look ended."""
    run = Run("run-1", Signal.REQUEST, RunState.RUNNING, NOON, mode=Mode.MOVE)

    class Cancels(FakeHeld):
        async def add_held(self, user: HeldUser) -> None:
            await super().add_held(user)
            cancelled = replace(world.runs.runs["run-1"], state=RunState.CANCELLED, reason="enough")
            await world.runs.save_run(cancelled)

    await world.runs.save_run(run)
    world.signal, world.limit, world.held = Signal.REQUEST, replace(LIMIT, moves=0), Cancels()
    cancelled = replace(READ, outcome=Outcome.CANCELLED, reason="enough", old_provider=None)
    assert await world.move(1, run="run-1") == [cancelled]
    assert (world.held.rows, world.waiting.told) == ({}, {})


async def test_a_run_that_is_cancelled_while_a_user_is_read_changes_nobody() -> None:
    """Asked again before the set: the user has the outcome of the others, with the provider."""

    class Cancelling(FakeTeams):
        async def user(self, user_id: str, **options: Any) -> ServiceUser | None:
            run = replace(world.runs.runs["run-1"], state=RunState.CANCELLED, reason="enough")
            await world.runs.save_run(run)
            world.clock.passed += 1
            return await super().user(user_id, **options)

    world = World(teams=Cancelling())
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    await world.runs.save_run(Run("run-1", Signal.REQUEST, RunState.RUNNING, NOON))
    cancelled = replace(READ, outcome=Outcome.CANCELLED, reason="enough")
    assert await world.move(1, run="run-1") == [cancelled]
    assert (world.teams.sets, world.replaced.saved) == ([], [])


async def test_nobody_gets_a_first_provider_where_the_guard_permits_none(world: World) -> None:
    """A limit of 0 for users without a provider: the first of them is held already."""
    world.teams.add(in_service())
    world.limit = replace(LIMIT, enables=0)
    (result,) = await world.move(1)
    hour = held_run_id(Signal.LICENSE_EVENT, NOON, LIMIT.window)
    why = f"no provider yet; held: ACP_GUARD_MAX_ENABLES is 0; on the list of {hour}"
    assert (result.outcome, result.reason) == (Outcome.HELD, why)


async def test_who_waits_for_the_end_of_a_pause(world: World) -> None:
    """With the provider that was read, the reason and no failure."""
    world.state.pausing = pause = Pause("maintenance", RequestedBy("adele"), NOON)
    paused = replace(READ, reason=pause.reason, paused=True)
    assert await world.move(1) == [paused]
    row = Waiting(
        guid(1),
        WaitReason.PAUSED,
        pause.reason,
        NOON,
        NOON + timedelta(minutes=1),
        NOON,
        upn=ADDRESS,
        attempt=0,
    )
    (waits,) = world.waiting.rows.values()
    assert replace(waits, operation="") == row


async def test_who_is_not_provisioned_is_tried_again_by_the_age_of_the_license(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A tenth of the hundred minutes since the license was assigned; the end names the beginning."""
    world.pace = Pace(0.1, timedelta(minutes=1), HOUR)
    world.directory.add(replace(licensed(), licensed_at=NOON - timedelta(minutes=100)))
    world.teams.known.clear()
    message = replace(world.message(guid(1)), operation="0123456789abcdef")
    (result,) = await world.mover().handle(message)
    provisioning, due = WaitReason.PROVISIONING, NOON + timedelta(minutes=10)
    row = Waiting(guid(1), provisioning, result.reason, NOON, due, NOON, upn=ADDRESS)
    assert world.waiting.rows == {guid(1): replace(row, operation="0123456789abcdef")}
    world.clock.passed = 600
    world.teams.add(in_service(1, third_party()))
    lines = Lines(caplog)
    await world.mover().handle(replace(message, operation="fedcba9876543210", run="run-1"))
    told = {"decision": "replace", "outcome": "moved", "cause": "license_event", "attempt": "2"}
    told |= {"origin": "0123456789abcdef", "license_age_ms": "6600000", "window_ms": "0"}
    told |= {"operation": "fedcba9876543210", "user": WHO, "run": "run-1", "duration_ms": "0"}
    assert lines.one("decided") == {**told, "reason": "the provider is InterCall"}


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (NotFoundError("Graph", "GET", "HTTP 404"), None),
        (AccessDeniedError("Graph", "GET", "HTTP 403"), {"by_service": True}),
        (ServerFaultError("Graph", "GET", "HTTP 500"), {"by_service": True}),
        (RetryLaterError("Graph", "GET", 90.0), {"by_service": True, "pause": 90.0}),
    ],
)
async def test_who_cannot_be_read(error: Any, fields: dict[str, Any] | None, world: World) -> None:
    """Unknown to the directory, or failed by the service: never the user's own fault."""
    world.directory.errors[guid(1)] = error
    failed = UserResult(guid(1), Outcome.FAILED, str(error))
    gone = replace(failed, outcome=Outcome.NOT_FOUND, reason="the user is not in the directory")
    assert await world.move(1) == [gone if fields is None else replace(failed, **fields)]


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (TooLargeError("900 provider entries are too many"), {"needs_person": True}),
        (StorageError("insert in table x", "busy"), {"by_service": True}),
        (ServerFaultError("Teams", "GET", "HTTP 500"), {"by_service": True}),
        (ZeroDivisionError("secret"), {"reason": "unexpected ZeroDivisionError"}),
    ],
)
async def test_who_fails_on_the_way(
    error: Exception, fields: dict[str, Any], world: World, lines: Lines
) -> None:
    """The result says whether a person, the service or the user is the reason; a defect is logged."""
    world.teams.errors[guid(1)] = error
    failed = UserResult(guid(1), Outcome.FAILED, str(error), ADDRESS)
    assert await world.move(1) == [replace(failed, **fields)]
    if "needs_person" in fields:
        assert world.waiting.rows == {guid(1): ask_person(guid(1), ADDRESS, str(error), NOON)}
    defects = [
        {k: v for k, v in line.items() if k != "operation"} for line in lines.of("unexpected")
    ]
    expected = [{"user": WHO, "error": "ZeroDivisionError"}]
    assert defects == (expected if isinstance(error, ZeroDivisionError) else [])


@dataclass
class CountedRuns(FakeRuns):
    """Runs, and which of them were read."""

    reads: list[str] = field(default_factory=list)

    async def find_run(self, run: str) -> Run | None:
        self.reads.append(run)
        return await super().find_run(run)


async def test_runs_are_read_once_for_what_never_changes_and_once_a_second_for_the_rest() -> None:
    """A cancellation is seen a second late; at most 64 runs are remembered; a damaged row has no words."""
    world, runs = World(), CountedRuns(unreadable={"damaged"})
    world.runs = runs
    brakes = world.brakes()
    await runs.save_run(Run("run-1", Signal.SWEEP, RunState.CANCELLED, NOON, reason="enough"))
    run = runs.runs["run-1"]
    assert [await brakes.begun(each) for each in ("run-1", "run-1", "damaged")] == [run, run, None]
    world.clock.passed = 60
    assert (await brakes.begun("run-1"), runs.reads) == (run, ["run-1", "damaged"])
    for passed in (60, 60.9, 61):
        world.clock.passed = passed
        assert await brakes.why_cancelled("run-1") == "enough"
    assert runs.reads[2:] == ["run-1"] * 2
    others = [f"other-{number}" for number in range(64)]
    for each in others[:63]:
        assert await brakes.begun(each) is None
    await brakes.begun("run-1")
    assert runs.reads[4:] == others[:63]
    await brakes.begun(others[63])
    await brakes.begun("run-1")
    assert runs.reads[-2:] == [others[63], "run-1"]


@pytest.mark.parametrize(
    ("app", "message", "later"),
    [
        (Mode.MOVE, Mode.MOVE, Mode.MOVE),
        (Mode.REPORT, Mode.MOVE, Mode.REPORT),
        (Mode.MOVE, Mode.REPORT, Mode.REPORT),
    ],
)
async def test_who_comes_again_comes_with_the_weaker_mode(
    world: World, app: Mode, message: Mode, later: Mode
) -> None:
    """What an app in report mode could not record moves nobody later; a sweep needs no request."""
    world.report, world.mode, world.signal = app is Mode.REPORT, message, Signal.SWEEP
    world.users.down, world.requests.down = {guid(1)}, True
    sent = world.message(guid(1), run="run-1")
    assert await world.mover().handle(sent) == []
    assert world.queue.messages == [replace(sent, retries=1, mode=later)]


async def test_what_the_guard_trusts_is_read_again_in_time() -> None:
    """Whether anybody is held for ten seconds, the number of the licensed for ten minutes; 16 ledgers."""

    class Asked(FakeHeld):
        asks = 0

        async def is_any(self) -> bool:
            self.asks += 1
            return await super().is_any()

    class Counted(FakeState):
        asks = 0

        async def licensed(self) -> int | None:
            self.asks += 1
            return 100

    held, state = Asked(), Counted()
    world = World(held=held, state=state, limit=replace(LIMIT, share=0.5))
    mover, asked = world.mover(), []
    for number, passed in enumerate((0, 9, 10, 599, 600)):
        world.clock.passed = passed
        world.directory.add(licensed(number))
        world.teams.add(in_service(number, third_party()))
        await mover.move(world.message(guid(number)))
        asked.append((held.asks, state.asks))
    assert asked == [(1, 1), (1, 1), (2, 1), (3, 1), (3, 2)]
    counter = GuardCounter(world.guard, FakeClock())
    world.guard.reads = 0
    for ledger in ("0", "0", *map(str, range(1, 17)), "16", "0"):
        assert await counter.count(ledger, guid(1), 1, None)
    assert world.guard.reads == 18, "each once, and the first again"


class Slots(FakeGuardSlots):
    """Slots of which another instance takes the first that user 2 wants, while user 1 waits."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.refused = 0

    async def take(
        self, ledger: str, number: int, user_id: str, at: datetime, before: Slot | None
    ) -> bool:
        if user_id == guid(1):
            await self.go_on.wait()
        elif not self.refused:
            self.refused += 1
            await super().take(ledger, number, guid(9), at, before)
        return await super().take(ledger, number, user_id, at, before)


async def test_a_slot_that_is_being_taken_is_taken_also_for_who_reads_again() -> None:
    """Another instance was faster: the ledger is read again, and has this process's own slots."""
    table = Slots()
    counter = GuardCounter(table, FakeClock())
    first = asyncio.create_task(counter.count("replaced", guid(1), 3, HOUR))
    await asyncio.sleep(0.0)
    await asyncio.sleep(0.0)
    assert await counter.count("replaced", guid(2), 3, HOUR)
    table.go_on.set()
    assert await first
    taken = sorted(slot.user_id for slot in table.known["replaced"].values())
    assert taken == [guid(1), guid(2), guid(9)]


async def test_who_could_not_be_counted_is_not_counted() -> None:
    """A table that refuses once leaves no slot behind in memory: the next try writes one."""
    table = FakeGuardSlots()
    counter = GuardCounter(table, FakeClock())
    assert await counter.count("replaced", guid(2), 3, HOUR)
    table.down = True
    with pytest.raises(StorageError):
        await counter.count("replaced", guid(1), 3, HOUR)
    table.down = False
    assert await counter.count("replaced", guid(1), 3, HOUR)
    assert {slot.user_id for slot in table.known["replaced"].values()} == {guid(1), guid(2)}
