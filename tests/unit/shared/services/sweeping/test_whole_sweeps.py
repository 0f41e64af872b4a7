"""Sweeps as a whole: the run, its messages, what is left in the tables, and what is logged."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.decision import Rules
from shared.domain.messages import Message, MoveMessage
from shared.domain.number_rules import NumberRules
from shared.domain.retry import Pace
from shared.domain.roster import Standing
from shared.domain.run import Mode, Run, RunState, Signal, SweepPage, SweepRequest
from shared.errors import (
    AccessDeniedError,
    AcpError,
    BusyError,
    ExpiredError,
    RetryLaterError,
    UnreachableError,
    UnreadableRowError,
)
from shared.telemetry.log import EventLog
from shared.telemetry.operation import count_throttled
from tests.fakes import (
    NOON,
    FakeQueue,
    FakeState,
    FakeSweepPages,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.loglines import Lines
from tests.unit.shared.services.sweeping.world import LIMIT
from tests.unit.shared.services.sweeping.world import SweepingWorld as World

RUN = "20261123T120000Z-sweep-1f2e3d4c"
MINUTE = timedelta(minutes=1)
FIGURES = {
    "users": 4096,
    "licensed": 1024,
    "queued": 7,
    "already": 2,
    "change_bridge": 8,
    "wait": 16,
    "unlicensed": 32,
    "excluded": 64,
    "attention": 128,
    "saved": 256,
    "unreadable": 512,
    "unlisted": 1,
    "outside_pilot": 2048,
    "replace": 3,
    "enable": 40,
    "set_number": 500,
}
LOGGED = {name: str(number) for name, number in FIGURES.items() if name not in ("wait", "replace")}
LOGGED |= {"waiting": "16", "ready": "43", "already": "502", "queued": "4", "throttled": "7"}
del LOGGED["enable"], LOGGED["set_number"]


class Throttled(FakeQueue):
    """A queue that is throttled seven times."""

    async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
        count_throttled(7)
        await super().send(messages, delay)


def logged(lines: Lines) -> list[dict[str, str]]:
    """Every line, without its operation."""
    return [
        {"event": event, **{name: fields[name] for name in fields if name != "operation"}}
        for event, fields in lines.all
    ]


def resumes(counts: dict[str, int], **fields: object) -> World:
    """A world whose sweep has read everything and was interrupted then."""
    world = World(queue=Throttled())
    run = Run(RUN, Signal.SWEEP, RunState.INTERRUPTED, NOON, counts=counts, scanned=True, page=3)
    world.runs.runs[RUN] = replace(run, mode=Mode.MOVE, revision="7", **fields)  # type: ignore[arg-type]
    world.state.sweep, world.clock.passed = RUN, 90
    return world


async def test_what_was_found_is_queued_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """Each user once, no page that was sent; every figure of the run is on its line."""
    lines, world = Lines(caplog), resumes(FIGURES)
    world.pages.known[RUN] = {
        1: SweepPage(1, [], [guid(1), guid(2)]),
        2: SweepPage(2, [], [guid(2), guid(3)]),
        3: SweepPage(3, [], [guid(4)], sent=True),
    }
    run = await world.sweep()
    assert run == Run(
        RUN,
        Signal.SWEEP,
        RunState.MOVING,
        NOON,
        NOON + timedelta(seconds=90),
        counts={**FIGURES, "queued": 4},
        page=3,
        scanned=True,
        mode=Mode.MOVE,
    )
    operation = lines.one("sweep_ended")["operation"]
    users = (guid(1), guid(2), guid(3))
    assert world.queue.messages == [MoveMessage(Signal.SWEEP, users, RUN, operation, Mode.MOVE)]
    end = {"event": "sweep_ended", "run": RUN, "state": "finished", "duration_ms": "90000"}
    assert logged(lines) == [{**end, **LOGGED}]
    state = (world.state.open, world.state.licensed_users, world.state.sweep, world.state.leases)
    assert (state, world.pages.known) == (({RUN}, 1024, None, {}), {})
    now, span = NOON + timedelta(seconds=90), 5 * MINUTE
    renewals = [("sweep", now, span, True)] * 2
    assert world.state.leased == [
        ("sweep", now, span, False),
        *renewals,
        ("sweep", now, None, False),
    ]


@pytest.mark.parametrize(
    ("app", "began", "mode"),
    [
        (Mode.MOVE, Mode.MOVE, Mode.MOVE),
        (Mode.REPORT, Mode.MOVE, Mode.REPORT),
        (Mode.MOVE, Mode.REPORT, Mode.REPORT),
    ],
)
async def test_users_are_queued_in_the_weaker_mode(app: Mode, began: Mode, mode: Mode) -> None:
    """That of this app, and that of the app which began the sweep."""
    world = resumes({})
    world.mode, run = app, world.runs.runs[RUN]
    world.runs.runs[RUN] = replace(run, mode=began)
    world.pages.known[RUN] = {1: SweepPage(1, [], [guid(1)])}
    await world.sweep()
    assert [message.mode for message in world.queue.moves] == [mode]


async def test_the_lease_is_renewed_after_a_third_of_its_span() -> None:
    """Between pages, and before each message; a sweep that another instance took over stops."""
    steps = iter((0.0, 90.0, 10.0, 60.0, 10.0))

    class Slow(FakeSweepPages):
        async def save_sweep_page(self, run: str, page: SweepPage) -> None:
            await super().save_sweep_page(run, page)
            world.clock.passed += next(steps)

    world = World(pages=Slow())
    world.fill(15)
    await world.sweep()
    assert [
        ((at - NOON).total_seconds(), renewed)
        for _, at, span, renewed in world.state.leased
        if span
    ] == [(0, False), (0, True), (100, True), (170, True), (170, True)]

    class Taken(FakeState):
        async def acquire(self, *args: Any, renew: bool = False) -> bool:
            return not renew and await super().acquire(*args)

    with pytest.raises(BusyError) as lost:
        await World(state=Taken()).sweep()
    assert str(lost.value) == "another instance took the sweep over"


async def test_a_sweep_that_found_nobody_is_finished(caplog: pytest.LogCaptureFixture) -> None:
    """Every figure is zero, and no timer looks for outcomes."""
    lines, world = Lines(caplog), resumes({})
    run = await world.sweep()
    assert (run.state, run.counts, world.state.open) == (RunState.FINISHED, {"queued": 0}, set())
    end = {"event": "sweep_ended", "run": RUN, "state": "finished", "duration_ms": "90000"}
    zeros = dict.fromkeys(LOGGED, "0") | {"throttled": "7"}
    assert logged(lines) == [{**end, **zeros}]
    assert world.state.licensed_users == 0


async def test_a_held_sweep_says_so_before_anybody_is_queued() -> None:
    """The guard reads the stored run: it is held, with its reason, when the first message goes."""
    seen: list[Run] = []

    class Looking(FakeQueue):
        async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
            await super().send(messages, delay)
            seen.append(world.runs.runs[RUN])

    world = resumes(FIGURES)
    world.queue, world.limit = Looking(), replace(LIMIT, moves=2)
    reason = LIMIT.holds_sweep({"replace": 501})
    assert reason
    why = reason.replace("501", "11").replace("500", "2")
    run = await world.sweep()
    assert [(each.holds, each.reason, each.state) for each in seen] == [
        (True, why, RunState.INTERRUPTED)
    ]
    assert (run.holds, run.reason, run.state) == (True, why, RunState.HELD)


async def test_each_interruption_is_counted_and_pauses_four_times_as_long() -> None:
    """The run keeps its last page; what the service asks for counts where it is longer."""
    world = World(pace=Pace(0.1, MINUTE, timedelta(hours=1)))
    world.fill(6)
    world.teams.stop_at = 3
    errors: list[AcpError] = [
        UnreachableError("Teams", "GET", "ReadTimeout"),
        UnreachableError("Teams", "GET", "ReadTimeout"),
        RetryLaterError("Teams", "GET", 1000.0),
    ]
    expected: list[tuple[object, ...]] = []
    for count, (error, pause) in enumerate(zip(errors, (1, 4, 1000 / 60), strict=True), 1):
        world.teams.stop_with = error  # type: ignore[assignment]
        with pytest.raises(type(error)):
            await world.sweeper().sweep()
        run = world.runs.last
        expected.append((count, str(error), world.clock.now() + pause * MINUTE))
        assert (run.interruptions, run.reason, run.not_before) == expected[-1]
        assert (run.state, run.page, run.next_link) == (RunState.INTERRUPTED, 1, "3")
        world.clock.passed += 60 * pause
    world.teams.stop_at = 6
    world.teams.add(*(in_service(number) for number in (6, 7)))
    with pytest.raises(RetryLaterError):
        await world.sweep()
    assert (world.runs.last.interruptions, world.runs.last.page) == (1, 2), "a page is progress"


async def test_a_sweep_that_fails_is_ended_and_requested_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run says why; the next one begins after a pause."""
    lines, world = Lines(caplog), World()
    world.teams.stop_at, world.teams.stop_with = 0, AccessDeniedError("Teams", "GET", "HTTP 403")
    world.clock.passed = 5
    with pytest.raises(AccessDeniedError):
        await world.sweep()
    run, began = world.runs.last, NOON + timedelta(seconds=5)
    reason = str(world.teams.stop_with)
    assert run.id.startswith("20261123T120005Z-sweep-")
    assert run == Run(
        run.id, Signal.SWEEP, RunState.FAILED, began, began, reason=reason, mode=Mode.MOVE
    )
    assert world.requested == SweepRequest(run.id, 1, began + MINUTE)
    end = {"event": "sweep_ended", "run": run.id, "state": "failed", "reason": reason}
    zeros = dict.fromkeys(LOGGED, "0") | {"duration_ms": "0"}
    assert logged(lines) == [{**end, **zeros}]


async def test_a_damaged_row_of_its_pages_ends_a_sweep() -> None:
    """It could not be resumed: it has failed, and says why."""

    class Damaged(FakeSweepPages):
        async def pages(self, run: str) -> AsyncIterator[SweepPage]:
            async for page in super().pages(run):
                yield page
            if self.writes:
                raise UnreadableRowError("read in table plans", "a row is damaged")

    world = World(pages=Damaged())
    world.fill(2)
    with pytest.raises(UnreadableRowError) as error:
        await world.sweep()
    assert (world.runs.last.state, world.runs.last.reason) == (RunState.FAILED, str(error.value))


async def test_a_sweep_without_progress_is_given_up_and_another_begun() -> None:
    """After six hours its links are stale; at six hours it is resumed."""
    for passed, states in (
        (6 * 3600, [RunState.FINISHED]),
        (6 * 3600 + 1, [RunState.FAILED, RunState.FINISHED]),
    ):
        world = resumes({}, reason="HTTP 503")
        world.clock.passed = passed
        await world.sweep()
        assert [run.state for run in world.runs.runs.values()] == states
        failed = [run.reason for run in world.runs.runs.values() if run.state is RunState.FAILED]
        assert failed == ["no progress for hours; HTTP 503"] * (len(states) - 1)


async def test_one_sweep_at_a_time_and_who_has_to_wait_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Another instance's lease, or this instance's own sweep."""
    lines, world = Lines(caplog), World()
    await world.state.acquire("sweep", "other", NOON, timedelta(minutes=5))
    assert await world.sweeper().sweep() is None
    world.state.leases.clear()
    sweeper = world.sweeper()

    class Twice(FakeQueue):
        async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
            await super().send(messages, delay)
            assert await sweeper.sweep() is None

    world.queue = Twice()
    sweeper = world.sweeper()
    await sweeper.sweep()
    assert [line["reason"] for line in lines.of("sweep_skipped")] == [
        "another instance is sweeping",
        "this instance is sweeping",
    ]


async def test_what_was_read_before_an_interruption_stays_on_the_roster() -> None:
    """Only a listing that was read from its first page takes off who was on no page."""
    world = World()
    world.fill(6, third_party())
    world.teams.stop_at = 3
    with pytest.raises(UnreachableError):
        await world.sweep()
    world.teams.stop_at, world.clock.passed = None, 60
    await world.sweep()
    assert {each.standing for each in world.roster.entries.values()} == {Standing.READY}
    assert len(world.roster.entries) == 6
    del world.teams.known[guid(5)], world.directory.known[guid(5)]
    await world.sweep()
    assert sorted(world.roster.entries) == [guid(number) for number in range(5)]


async def test_what_a_listing_could_not_do_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A rule, a user's fields, a user's entries, an expired page, and a listing that lacks too many."""
    lines = Lines(caplog)
    world = World(rules=Rules(numbers=NumberRules.parse({guid(91): "+15550177"})), limit=None)
    world.directory.no_groups.add(guid(91))
    world.directory.add(*(licensed(number) for number in range(40)))
    world.teams.add(in_service(50, third_party()), in_service(51, microsoft()))
    world.teams.faults = [(guid(60), "field acpInfo: Field required")]
    world.replaced.too_large = True
    world.teams.page_size = 1
    world.teams.stop_at, world.teams.stops = 1, 1
    world.teams.stop_with = expired = ExpiredError("Graph", "GET", "HTTP 400")
    run = await world.sweep()
    who = EventLog("").who
    once = [
        {"event": "rule_broken", "reason": f"group {guid(91)}: there is no such group"},
        {"event": "unreadable", "user": who(guid(60)), "reason": "field acpInfo: Field required"},
        {
            "event": "unsaveable",
            "user": who(guid(50)),
            "reason": "900 provider entries are too many to save",
        },
    ]
    again = {"event": "listing_begun_again", "run": run.id, "reason": str(expired)}
    doubt = {"event": "listing_doubtful", "run": run.id, "reason": run.reason}
    told = logged(lines)
    assert told[:-1] == [*once, again, *once, doubt]
    assert told[-1]["event"] == "sweep_ended"
    figures = {"users": 2, "licensed": 40, "queued": 41, "unlisted": 40}
    figures |= {"attention": 0, "unreadable": 1, "unlicensed": 2}
    assert (bool(run.reason), run.counts, run.progressed_at) == (True, figures, NOON)
