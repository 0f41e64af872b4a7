"""A release and a discarding as a whole: run, list, messages, history, log line and recorded action."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.held import HeldSelection, HeldUser
from shared.domain.messages import MoveMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.retry import SettledUser
from shared.domain.run import Mode, Run, RunState, Signal, SweepPage
from shared.errors import ConflictError, InputError, NotPermittedError
from shared.services.admin.releases import check_approver
from shared.telemetry.log import EventLog
from tests.fakes import NOON, guid
from tests.loglines import Lines
from tests.unit.shared.services.moving.guarded import Guarded

RUN = "20261123T110000Z-request-1f2e3d4c"
LATER = NOON + timedelta(minutes=5)
HELD = Run(
    RUN,
    Signal.REQUEST,
    RunState.HELD,
    NOON,
    NOON,
    "why",
    {"users": 3},
    scanned=True,
    mode=Mode.MOVE,
)
BY = RequestedBy("adele", "id-1", "INC1", "pilot")
WHO = str(EventLog("").who("adele"))


def user(number: int, signal: Signal = Signal.REQUEST, **fields: object) -> HeldUser:
    """A held user of the run, who is on two runs."""
    row = HeldUser(guid(number), f"user{number}@x", "BT", signal, RUN, NOON, "why")
    return replace(row, runs=("other", RUN), **fields)  # type: ignore[arg-type]


async def world_of(*users: HeldUser, run: Run = HELD) -> Guarded:
    """A world in which the run holds these users, five minutes after noon."""
    world = Guarded()
    world.clock.passed = 300
    await world.runs.save_run(run)
    world.held.rows = {each.user_id: each for each in users}
    return world


async def test_a_release_and_what_follows(caplog: pytest.LogCaptureFixture) -> None:
    """Marked and listed; then queued by signal, as the app's mode permits, and told as moving."""
    lines = Lines(caplog)
    users = (user(1), user(2, Signal.SWEEP), user(3))
    world = await world_of(*users)
    run, count = await world.releases().release_run(RUN, BY, HeldSelection(limit=2))
    released = replace(HELD, state=RunState.RELEASED, decided_by=BY.said)
    assert (run, count, world.runs.runs[RUN]) == (released, 2, released)
    marked = [replace(each, released=True, released_at=LATER) for each in users[:2]]
    assert list(world.held.rows.values()) == [*marked, users[2]]
    assert (world.state.released, world.state.leases) == ([RUN], {})
    told = {"run": RUN, "state": "released", "users": "2", "requested_by": WHO, "reason": BY.why}
    line = lines.one("released")
    assert line.pop("operation", None) is None
    assert line == told
    detail = f"{RUN}: 2 users; {BY.why}"
    assert world.state.actions == [("released", "adele (id-1)", detail, LATER)]

    assert await world.releases().resume() == 2
    operation = world.queue.moves[0].operation
    assert operation
    assert world.queue.messages == [
        MoveMessage(Signal.SWEEP, (guid(2),), RUN, operation, Mode.MOVE),
        MoveMessage(Signal.REQUEST, (guid(1),), RUN, operation, Mode.MOVE),
    ]
    assert world.runs.runs[RUN] == replace(released, state=RunState.HELD)
    assert (world.state.released, world.state.open, world.state.leases) == ([], {RUN}, {})
    assert await world.releases().resume() == 0


async def test_a_whole_run_is_moving_when_everybody_is_queued() -> None:
    """Nobody is held any more: the reason goes; nobody left at all: the run is finished."""
    for users, state in (((user(1), user(2)), RunState.MOVING), ((), RunState.FINISHED)):
        world = await world_of(*users)
        if users:
            await world.releases().release_run(RUN, BY)
        else:
            world.state.released = [RUN, "deleted"]
        assert await world.releases().resume() == len(users)
        by = BY.said if users else ""
        ended = replace(HELD, state=state, reason="", decided_by=by)
        assert (world.runs.runs[RUN], world.state.released) == (ended, [])
        assert world.state.open == ({RUN} if users else set())


async def test_a_discarding(caplog: pytest.LogCaptureFixture) -> None:
    """The other runs of the users are told; the run holds the rest, or is finished."""
    lines = Lines(caplog)
    world = await world_of(user(1), user(2))
    run, count = await world.releases().discard_run(RUN, BY, HeldSelection(limit=1))
    left = replace(HELD, decided_by=BY.said)
    assert (run, count, list(world.held.rows)) == (left, 1, [guid(2)])
    result = UserResult(guid(1), Outcome.CANCELLED, f"discarded by {BY.said}", "user1@x")
    assert world.waiting.told == {guid(1): SettledUser(result, (RUN, "other"))}
    run, count = await world.releases().discard_run(RUN, BY)
    ended = replace(left, state=RunState.FINISHED, reason="1 held users were discarded")
    assert (run, count, world.held.rows) == (ended, 1, {})
    told = {"run": RUN, "state": "discarded", "users": "1", "requested_by": WHO, "reason": BY.why}
    assert lines.of("released") == [told] * 2
    assert (world.queue.messages, world.state.leases) == ([], {})


SWEEP = replace(HELD, cause=Signal.SWEEP, holds=True)


@pytest.mark.parametrize(
    ("run", "chosen", "whole"),
    [
        (SWEEP, HeldSelection(), True),
        (SWEEP, HeldSelection(limit=1), False),
        (replace(SWEEP, released=True), HeldSelection(limit=1), True),
        (HELD, HeldSelection(), False),
    ],
)
async def test_a_whole_sweep_is_released_with_those_who_come_later(
    run: Run, chosen: HeldSelection, whole: bool
) -> None:
    """Once released as a whole it stays so; a part of it, or a request, releases nobody else."""
    world = await world_of(user(1), run=run)
    released, count = await world.releases().release_run(RUN, BY, chosen)
    assert (released.released, count) == (whole, 1)


async def test_a_held_sweep_is_released_before_its_users_have_come() -> None:
    """Nobody is listed yet: released as a whole, not in part."""
    world = await world_of(run=SWEEP)
    with pytest.raises(
        ConflictError, match=r"is held: it holds nobody; its users are on the list of another run$"
    ):
        await world.releases().release_run(RUN, BY, HeldSelection(limit=1))
    run, count = await world.releases().release_run(RUN, BY)
    assert (run.released, run.state, count) == (True, RunState.RELEASED, 0)


async def test_users_in_the_pages_of_an_old_sweep_are_listed_as_they_were_held() -> None:
    """Since the end of its reading, for its reason; pages that were sent are not held."""
    world = await world_of(run=replace(SWEEP, holds=False, finished_at=LATER))
    world.pages.known[RUN] = {
        1: SweepPage(1, [], [guid(1)]),
        2: SweepPage(2, [], [guid(2)], sent=True),
    }
    await world.releases().release_run(RUN, BY)
    row = HeldUser(guid(1), "", "", Signal.SWEEP, RUN, LATER, "why")
    marked = replace(row, released=True, released_at=LATER)
    assert (world.held.rows, world.pages.known) == ({guid(1): marked}, {})


async def test_an_old_sweep_that_was_released_is_queued() -> None:
    """The version before released it without a list: everybody in its pages is listed and permitted."""
    run = replace(SWEEP, state=RunState.RELEASED, finished_at=None)
    world = await world_of(run=run)
    world.state.released = [RUN]
    world.pages.known[RUN] = {1: SweepPage(1, [], [guid(1), guid(2)])}
    assert await world.releases().resume() == 2
    row = HeldUser(guid(1), "", "", Signal.SWEEP, RUN, NOON, "why", True, LATER)
    assert list(world.held.rows.values()) == [row, replace(row, user_id=guid(2))]
    assert (world.queue.users, world.pages.known) == ([guid(1), guid(2)], {})
    ended = replace(run, state=RunState.MOVING, reason="", finished_at=LATER)
    assert world.runs.runs[RUN] == ended
    world.state.released, world.held.rows = [RUN], {guid(3): user(3)}
    await world.runs.save_run(replace(world.runs.runs[RUN], state=RunState.RELEASED))
    assert (await world.releases().resume(), world.held.rows) == (0, {guid(3): user(3)})


CANCELLED = replace(HELD, state=RunState.CANCELLED, decided_by="alex")


@pytest.mark.parametrize(
    ("run", "users", "chosen", "error"),
    [
        (
            CANCELLED,
            [user(1)],
            HeldSelection(),
            ConflictError(f"run {RUN!r} is cancelled (alex): it holds nobody; begin a new run"),
        ),
        (
            replace(HELD, decided_by="alex"),
            [],
            HeldSelection(),
            ConflictError(f"run {RUN!r} is held: it holds nobody; alex decided last"),
        ),
        (
            HELD,
            [user(1, released=True)],
            HeldSelection(),
            ConflictError(
                f"run {RUN!r} is held: it holds nobody; its users are on the list of another run"
            ),
        ),
        (
            replace(HELD, state=RunState.INTERRUPTED),
            [user(1)],
            HeldSelection(),
            ConflictError(f"run {RUN!r} is interrupted: wait until it has ended"),
        ),
        (
            HELD,
            [user(1)],
            HeldSelection(users=frozenset(f"{letter}@x" for letter in "abcdefghijk")),
            InputError(
                f"users: run {RUN!r} does not hold a@x, b@x, c@x, d@x, e@x, f@x, g@x, h@x, i@x, j@x"
            ),
        ),
        (
            HELD,
            [user(1), user(2, provider=""), user(3)],
            HeldSelection(provider="PGi"),
            InputError(f"run {RUN!r} holds nobody like that; it has users of BT, none"),
        ),
    ],
)
@pytest.mark.parametrize("discard", [True, False])
async def test_what_cannot_be_decided_is_told_and_changes_nothing(
    run: Run, users: list[HeldUser], chosen: HeldSelection, error: Exception, discard: bool
) -> None:
    """The whole text, for a release and a discarding alike."""
    world = await world_of(*users, run=run)
    releases = world.releases()
    with pytest.raises(type(error)) as told:
        await (releases.discard_run if discard else releases.release_run)(RUN, BY, chosen)
    assert str(told.value) == str(error)
    assert (world.runs.runs[RUN], list(world.held.rows.values())) == (run, users)
    assert (world.state.released, world.state.leases, world.history.records) == ([], {}, {})


@pytest.mark.parametrize(
    ("by", "said", "signed_in"),
    [
        (
            RequestedBy("key 0af7"),
            "ACP_APPROVERS: a release takes the sign-in of an approver; a key or a machine has none",
            False,
        ),
        (RequestedBy("bob", "id-9"), "ACP_APPROVERS does not name you", True),
        (
            BY,
            f"you began run {RUN!r}: another approver has to release it",
            True,
        ),
    ],
)
def test_who_may_not_release_is_told_why(by: RequestedBy, said: str, signed_in: bool) -> None:
    """And whether another sign-in could help."""
    with pytest.raises(NotPermittedError) as told:
        check_approver(replace(HELD, requested_by=str(BY)), by, frozenset({"adele"}))
    assert (str(told.value), told.value.signed_in) == (said, signed_in)
