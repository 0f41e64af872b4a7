"""What becomes of a held user is told to each run that says `held`, however the user leaves the list."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from shared.domain.guard import held_run_id
from shared.domain.held import HeldUser
from shared.domain.outcome import Outcome
from shared.domain.run import Mode, Run, RunState, Signal
from shared.errors import StorageError, UnreachableError, UnreadableRowError
from shared.services.moving.held_list import HeldList
from tests.fakes import NOON, FakeHeld, guid, in_service, microsoft, settled, third_party
from tests.unit.shared.services.moving.guarded import ADELE, Guarded
from tests.unit.shared.services.moving.world import LIMIT

LIST = "20261123T120000Z-catch-up-held"
SWEEP = "20261123T120000Z-sweep-1f2e3d4c"
WHY = (
    "the provider is InterCall; held: ACP_GUARD_MAX_MOVES is 0 per 60 minutes; on the list of "
    + LIST
)
GONE = f"discarded by {ADELE}"


async def _held() -> Guarded:
    """Two users on the list of an hour, whom a sweep meets, too."""
    world = Guarded(limit=replace(LIMIT, moves=0))
    users = world.fill(2)
    await world.take(users, Signal.CATCH_UP)
    counts = {"queued": 2}
    sweep = Run(SWEEP, Signal.SWEEP, RunState.MOVING, NOON, NOON, counts=counts, mode=Mode.MOVE)
    await world.runs.save_run(sweep)
    await world.state.add_open_run(SWEEP)
    await world.take(users, Signal.SWEEP, SWEEP)
    await world.tell()
    return world


async def _release(world: Guarded) -> None:
    await world.release(LIST)


async def _discard(world: Guarded) -> None:
    await world.releases().discard_run(LIST, ADELE)


async def _by_hand(world: Guarded) -> None:
    """A person moved both, and the next notification finds that."""
    world.teams.add(*(in_service(number, microsoft()) for number in (1, 2)))
    await world.take([guid(1), guid(2)], Signal.LICENSE_EVENT)


def _outcomes(world: Guarded, run: str) -> set[tuple[Outcome, str]]:
    return {(each.outcome, each.reason) for each in world.runs.recorded[run]}


async def test_a_run_ends_whose_users_another_list_holds() -> None:
    """It says `held`, with whose list; the list knows its users before anybody decides."""
    world = await _held()
    assert _outcomes(world, SWEEP) == _outcomes(world, LIST) == {(Outcome.HELD, WHY)}
    ended = world.runs.runs[SWEEP]
    assert (ended.state, ended.counts) == (RunState.FINISHED, {"queued": 2, "waiting": 2})
    assert {each.runs for each in world.held.rows.values()} == {(LIST, SWEEP)}


@pytest.mark.parametrize(
    ("leave", "told"),
    [
        (_release, (Outcome.MOVED, "the provider is InterCall")),
        (_discard, (Outcome.CANCELLED, GONE)),
        (_by_hand, (Outcome.ALREADY_MICROSOFT, "Microsoft is the provider")),
    ],
)
async def test_both_runs_are_told_how_a_user_left_the_list(
    leave: Callable[[Guarded], Awaitable[None]], told: tuple[Outcome, str]
) -> None:
    """Released and moved, discarded, or moved by a person: the list's run and the sweep agree."""
    world = await _held()
    await leave(world)
    await world.tell()
    assert _outcomes(world, SWEEP) == _outcomes(world, LIST) == {told}
    assert (world.held.rows, world.waiting.told, world.state.open) == ({}, {}, set())
    assert world.runs.runs[SWEEP].state is RunState.FINISHED


async def test_who_is_held_twice_on_one_list_is_counted_once() -> None:
    """Released and moved, set back by a person, held and released again: the run ends with its users."""
    world = await _held()
    for _ in range(2):
        world.teams.add(*(in_service(number, third_party()) for number in (1, 2)))
        await world.take([guid(1), guid(2)], Signal.CATCH_UP)
        await _release(world)
        await world.tell()
    assert world.runs.runs[LIST].state is RunState.FINISHED
    assert world.runs.runs[LIST].counts == {"moved": 2}


@pytest.mark.parametrize("released", [False, True])
async def test_a_released_run_does_not_wait_for_whom_another_list_holds(released: bool) -> None:
    """Of two users the sweep's own list had one, who is moved; nobody decides about the other, or in vain."""
    world = await _held()
    (first, row), (second, _) = world.held.rows.items()
    world.held.rows[first] = replace(row, run=SWEEP)
    world.held.rows[second] = replace(world.held.rows[second], released=released)
    await world.releases().release_run(SWEEP, ADELE)
    await world.releases().resume()
    await world.tell()
    assert world.runs.runs[SWEEP].state is RunState.MOVING
    await world.resume()
    await world.tell()
    ended = world.runs.runs[SWEEP]
    assert (ended.state, ended.counts) == (
        RunState.FINISHED,
        {"queued": 2, "moved": 1, "waiting": 1},
    )


async def test_a_run_that_comes_meanwhile_is_told_too() -> None:
    """The row learned of another run after it was read: it is read again before it goes."""
    world = await _held()
    (user, row), *_ = world.held.rows.items()

    class Changed(FakeHeld):
        async def remove_held(self, held: HeldUser) -> bool:
            if self.rows[user] == row:
                self.rows[user] = replace(row, runs=(*row.runs, "20261123T130000Z-sweep-2"))
                return False
            return await super().remove_held(held)

    held = Changed({user: row})
    result = replace(world.runs.recorded[SWEEP][0], user_id=user, outcome=Outcome.CANCELLED)
    await HeldList(held, world.waiting).remove(result, LIST)
    assert held.rows == {}
    assert world.waiting.told[user].runs == (SWEEP, "20261123T130000Z-sweep-2")


async def test_who_cannot_be_taken_off_stays_with_an_error() -> None:
    """Others keep writing the row: nobody says that the user is off the list."""
    world = await _held()
    (user, row), *_ = world.held.rows.items()

    class Busy(FakeHeld):
        async def remove_held(self, _: HeldUser) -> bool:
            return False

    result = replace(world.runs.recorded[SWEEP][0], user_id=user, outcome=Outcome.CANCELLED)
    with pytest.raises(StorageError) as error:
        await HeldList(Busy({user: row}), world.waiting).remove(result)
    assert (
        str(error.value)
        == "storage: write in table held failed: others keep writing the user's row"
    )


async def test_an_unreadable_row_goes_alone() -> None:
    """Whose runs it named is not known, so that none is told; the other users stay."""

    class Damaged(FakeHeld):
        async def find_held(self, _: str) -> HeldUser | None:
            raise UnreadableRowError("read in table held", "a row is damaged")

    world = await _held()
    held, told = Damaged(dict(world.held.rows)), dict(world.waiting.told)
    await HeldList(held, world.waiting).remove(settled(guid(1)))
    assert (list(held.rows), world.waiting.told) == ([guid(2)], told)


@pytest.mark.parametrize("gone", [False, True])
async def test_runs_of_who_waited_are_told_what_becomes_of_the_held_user(gone: bool) -> None:
    """A sweep's user waits, and a recheck meets the guard: the list knows the sweep from then on.

    Discarded in the same moment, the user waits on, and is tried again.
    """
    world = Guarded(limit=replace(LIMIT, moves=0))
    users = world.fill(1)
    world.teams.errors = {users[0]: UnreachableError("Teams", "GET user", "timed out")}
    await world.take(users, Signal.SWEEP, SWEEP)
    world.teams.errors.clear()
    if gone:
        world.held = Discarding()
    await world.take(users, Signal.RECHECK)
    runs = {each.user_id: each.runs for each in world.held.rows.values()}
    waiting = {each.user_id: each.runs for each in world.waiting.rows.values()}
    hour = held_run_id(Signal.RECHECK, NOON, LIMIT.window)
    assert (runs, waiting) == (
        ({}, {users[0]: (SWEEP,)}) if gone else ({users[0]: (hour, SWEEP)}, {})
    )


class Discarding(FakeHeld):
    """A list off which a person takes everybody at once."""

    async def add_runs(self, user_id: str, runs: Sequence[str]) -> bool:
        if SWEEP in runs:
            self.rows.clear()
        return await super().add_runs(user_id, runs)
