"""The guard: not more users than permitted lose a conference ID within a window, whatever the signal."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.domain.claim import HELD_FOR
from shared.domain.decision import Action
from shared.domain.guard import REPLACED
from shared.domain.held import HeldSelection, HeldUser
from shared.domain.history import HistoryEvent
from shared.domain.messages import USERS_PER_MESSAGE
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome
from shared.domain.pause import RequestedBy
from shared.domain.run import Mode, Run, RunState, Signal, SweepRequest
from shared.errors import (
    ConflictError,
    NoSuchItemError,
    NotPermittedError,
    StorageError,
    UnreachableError,
)
from shared.services.moving.guard import GuardCounter
from tests.fakes import (
    NOON,
    FakeClock,
    FakeGuardSlots,
    FakeRuns,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.unit.shared.services.moving.guarded import ADELE, Guarded
from tests.unit.shared.services.moving.world import LIMIT

SWEEP = "20261123T020000Z-sweep-1f2e3d4c"
REQUEST = "20261123T120000Z-request-1f2e3d4c"
HELD = Run(SWEEP, Signal.SWEEP, RunState.HELD, NOON, mode=Mode.MOVE)


@pytest.fixture
def world() -> Guarded:
    """A world with the default limit."""
    return Guarded()


@pytest.mark.parametrize(
    ("signal", "run", "limit"),
    [
        (Signal.LICENSE_EVENT, None, 500),
        (Signal.CATCH_UP, None, 50),
        (Signal.RECHECK, None, 50),
        (Signal.SWEEP, SWEEP, 50),
        (Signal.REQUEST, REQUEST, 50),
    ],
)
async def test_a_wave_changes_as_many_as_permitted_and_lists_the_others_whom_one_release_moves(
    world: Guarded, signal: Signal, run: str | None, limit: int
) -> None:
    """Ten instances at once, the limit and 100 more: exactly as many are changed; the others wait by name."""
    world.limit = replace(LIMIT, moves=limit)
    if run:
        await world.runs.save_run(Run(run, signal, RunState.FINISHED, NOON, mode=Mode.MOVE))
    results = await world.take(world.fill(limit + 100), signal, run)
    listed = run or f"20261123T120000Z-{str(signal).replace('_', '-')}-held"
    outcomes = Counter(result.outcome for result in results)
    assert outcomes == {Outcome.MOVED: limit, Outcome.HELD: 100}
    assert world.changed == len(world.guard.known[REPLACED]) == limit
    held = {result.user_id for result in results if result.outcome is Outcome.HELD}
    assert world.held_ids(listed) == held
    some = min(held)
    upn, why = (
        f"user{int(some[-12:])}@contoso.example",
        f"ACP_GUARD_MAX_MOVES is {limit} per 60 minutes",
    )
    row = HeldUser(some, upn, "InterCall", signal, listed, NOON, why, runs=(listed,))
    assert world.held.rows[some] == row
    assert {each.outcome for each in world.runs.recorded[listed]} >= {Outcome.HELD}
    assert world.runs.runs[listed].state is RunState.HELD
    assert world.waiting.rows == {}

    by = replace(ADELE, ticket="INC7", note="as agreed")
    released, count = await world.releases().release_run(listed, by)
    said = f"{ADELE}; INC7: as agreed"
    assert (released.state, released.decided_by, count) == (RunState.RELEASED, said, 100)
    assert await world.resume() == 100
    assert (world.changed, world.held.rows) == (limit + 100, {})
    assert len(world.guard.known[REPLACED]) == limit, "who is released counts against nothing else"
    assert world.runs.runs[listed].state is RunState.MOVING
    await world.tell()
    assert (world.runs.runs[listed].state, world.state.open) == (RunState.FINISHED, set())
    assert await world.releases().resume() == 0


async def test_one_request_of_storage_per_change(world: Guarded) -> None:
    """One instance: a read when it starts, and one write of the table per user."""
    await world.take(world.fill(200), Signal.LICENSE_EVENT, instances=1)
    assert (world.guard.reads, world.guard.writes) == (1, 200)


@pytest.mark.parametrize(("users", "requests"), [(200, 1.5), (600, 2.0)])
async def test_many_instances_seldom_meet_at_one_slot(
    world: Guarded, users: int, requests: float
) -> None:
    """Ten instances, all users at the same instant: two requests per change at worst, window full."""
    await world.take(world.fill(users), Signal.LICENSE_EVENT)
    assert world.guard.writes + world.guard.reads < requests * world.changed


async def test_the_limit_holds_for_any_stretch_of_the_window(world: Guarded) -> None:
    """No hour has more than the limit, wherever it begins: a slot is free an hour after it was taken."""
    world.limit = replace(LIMIT, moves=4)
    users = world.fill(12)
    mover = world.mover()

    async def changed_of(some: list[str]) -> int:
        before = world.changed
        await mover.handle(world.message(*some))
        return world.changed - before

    assert await changed_of(users[:3]) == 3
    world.clock.passed += 3_000
    assert await changed_of(users[3:6]) == 1
    world.clock.passed += 700
    assert await changed_of(users[6:12]) == 3
    assert len(world.guard.known[REPLACED]) == 4


async def test_who_is_changed_again_counts_from_then_on() -> None:
    """Somebody sets a user back, and the app replaces again: the window starts over, in the same slot."""
    table, clock, hour = FakeGuardSlots(), FakeClock(), timedelta(hours=1)
    counter = GuardCounter(table, clock)
    counted = []
    for seconds, user in ((0, "a"), (59, "a"), (2_941, "a"), (3_599, "b"), (1, "b")):
        clock.passed += seconds
        counted.append((await counter.count(REPLACED, user, 1, hour), table.known[REPLACED][0].at))
    times = [NOON + timedelta(seconds=each) for each in (0, 0, 3_000, 3_000, 6_600)]
    assert counted == list(zip([True, True, True, False, True], times, strict=True))


async def test_a_user_who_comes_again_is_counted_once(world: Guarded) -> None:
    """A redelivery, a recheck, another instance: a change that fails takes no second place."""
    world.limit = replace(LIMIT, moves=3)
    users = world.fill(4)
    down = UnreachableError("Teams", "PUT", "HTTP 503")
    world.teams.set_errors = dict.fromkeys(users[:2], down)
    for _ in range(3):
        results = await world.take(users[:2], Signal.RECHECK, instances=2)
        assert [result.outcome for result in results] == [Outcome.FAILED] * 2
        world.clock.passed += HELD_FOR.total_seconds()
    world.teams.set_errors.clear()
    results = await world.take(users, Signal.LICENSE_EVENT, instances=2)
    assert Counter(each.outcome for each in results) == {Outcome.MOVED: 3, Outcome.HELD: 1}
    assert {slot.user_id for slot in world.guard.known[REPLACED].values()} >= set(users[:2])


async def test_two_messages_of_one_user_at_once_take_one_slot(world: Guarded) -> None:
    """The second waits for the first one's answer, and follows it."""
    users = world.fill(1)
    mover = world.mover()
    await asyncio.gather(*(mover.handle(world.message(*users)) for _ in range(3)))
    assert world.guard.writes == 1


@pytest.mark.parametrize("table", ["guard", "held", "state"])
async def test_what_cannot_be_read_changes_nobody(world: Guarded, table: str) -> None:
    """It is no failure of the user, who is tried again when the table answers."""
    users = world.fill(2)
    if table == "state":
        world.state.pause_error = StorageError("read in table state", "HttpResponseError")
    else:
        getattr(world, table).down = True
    results = await world.take(users, Signal.CATCH_UP, instances=1)
    assert [(each.outcome, each.by_service) for each in results] == [(Outcome.FAILED, True)] * 2
    assert (world.changed, world.replaced.saved) == (0, [])
    assert not any(row.needs_attention for row in world.waiting.rows.values())


async def test_who_has_no_provider_is_not_held_by_default(world: Guarded) -> None:
    """600 users without provider, no limit of their own: all are enabled, and no slot is taken."""
    world.limit = replace(LIMIT, moves=0)
    users = world.fill(40, provider=None)
    results = await world.take(users, Signal.CATCH_UP)
    assert {each.outcome for each in results} == {Outcome.MOVED}
    assert world.guard.known == {}


async def test_enabling_has_a_limit_of_its_own(world: Guarded) -> None:
    """With ACP_GUARD_MAX_ENABLES the same holds for them, counted apart from the replaced."""
    world.limit = replace(LIMIT, moves=1, enables=2)
    users = world.fill(5)
    world.teams.add(*(in_service(number) for number in range(1, 4)))
    results = await world.take(users, Signal.CATCH_UP)
    assert Counter((each.decision, each.outcome) for each in results) == {
        (Action.ENABLE, Outcome.MOVED): 2,
        (Action.ENABLE, Outcome.HELD): 1,
        (Action.REPLACE, Outcome.MOVED): 1,
        (Action.REPLACE, Outcome.HELD): 1,
    }


async def test_the_held_stay_held_when_the_window_is_over(world: Guarded) -> None:
    """Neither time nor another signal releases anybody: a person does."""
    world.limit = replace(LIMIT, moves=1)
    users = world.fill(2)
    first = await world.take(users, Signal.LICENSE_EVENT, instances=1)
    world.clock.passed += 24 * 3600
    for signal in (Signal.SWEEP, Signal.CATCH_UP, Signal.RECHECK):
        await world.take(users, signal, instances=1)
    held = {each.user_id for each in first if each.outcome is Outcome.HELD}
    assert (world.changed, set(world.held.rows)) == (1, held)


async def test_who_needs_no_change_any_more_leaves_the_list(world: Guarded) -> None:
    """A person set the held user by hand: the next look takes the user off the list."""
    await world.hold(users := world.fill(1))
    world.teams.add(in_service(1, microsoft()))
    await world.take(users, Signal.CATCH_UP)
    assert world.held.rows == {}


async def test_a_release_reads_every_user_again(world: Guarded) -> None:
    """Weeks later one has no license, one is on Microsoft: only who is still to be moved is."""
    run = await world.hold(users := world.fill(3), Signal.LICENSE_EVENT)
    world.directory.add(licensed(1, None))
    world.teams.add(in_service(2, microsoft()))
    await world.release(run)
    assert [user for user, *_ in world.teams.sets] == [users[2]]
    assert world.held.rows == {}


async def test_a_request_is_released_up_to_the_number_that_it_expects(world: Guarded) -> None:
    """A person expects 30 of 40: 30 are changed, against nothing but the request; the others are held."""
    world.limit = replace(LIMIT, moves=5)
    users = world.fill(40)
    await world.runs.save_run(Run(REQUEST, Signal.REQUEST, RunState.RUNNING, NOON, mode=Mode.MOVE))
    expected = MoveOptions(expected=30)
    results = await world.take(users, Signal.REQUEST, REQUEST, instances=2, options=expected)
    assert Counter(each.outcome for each in results) == {Outcome.MOVED: 30, Outcome.HELD: 10}
    assert {row.reason for row in world.held.rows.values()} == {"the request expects 30 users"}
    assert REPLACED not in world.guard.known


async def test_whoever_a_held_sweep_would_replace_is_held_until_it_is_released(
    world: Guarded,
) -> None:
    """A sweep over the limit changes nobody; a full release covers those still on the queue as well."""
    users = world.fill(2 * USERS_PER_MESSAGE)
    first, second = users[:USERS_PER_MESSAGE], users[USERS_PER_MESSAGE:]
    await world.runs.save_run(replace(HELD, holds=True, reason="why"))
    results = await world.take(first, Signal.SWEEP, SWEEP)
    assert {each.outcome for each in results} == {Outcome.HELD}
    await world.releases().release_run(SWEEP, ADELE)
    world.clock.passed += 10
    await world.take(second, Signal.SWEEP, SWEEP)
    await world.resume()
    assert (world.changed, world.held.rows, world.guard.known) == (len(users), {}, {})


async def test_who_comes_late_of_a_held_sweep_is_held_after_some_were_released(
    world: Guarded,
) -> None:
    """A person released by name all who were held then; the message of another comes after that."""
    first, late = world.fill(2)
    await world.runs.save_run(replace(HELD, holds=True, reason="why"))
    await world.take([first], Signal.SWEEP, SWEEP)
    await world.release(SWEEP, HeldSelection(users=frozenset({first})))
    (result,) = await world.take([late], Signal.SWEEP, SWEEP)
    assert (result.outcome, world.changed, world.held_ids(SWEEP)) == (Outcome.HELD, 1, {late})
    assert world.runs.runs[SWEEP].state is RunState.HELD


async def test_a_share_of_users_nobody_has_counted_holds_everybody_and_asks_for_a_sweep(
    world: Guarded,
) -> None:
    """What protects fails closed: without the count nobody is changed, and the users only wait."""
    world.limit = replace(LIMIT, share=0.5)
    users = world.fill(4)
    results = await world.take(users, Signal.CATCH_UP, instances=1)
    why = "ACP_GUARD_MAX_SHARE: no sweep has counted the licensed users yet; one is requested"
    assert {(each.outcome, each.paused, each.reason) for each in results} == {
        (Outcome.WAITING, True, why)
    }
    assert (world.changed, world.state.wanted) == (0, SweepRequest())
    world.state.licensed_users = 6
    results = await world.take(users, Signal.CATCH_UP, instances=1)
    assert Counter(each.outcome for each in results) == {Outcome.MOVED: 3, Outcome.HELD: 1}


async def test_a_lower_limit_counts_what_the_higher_one_permitted(world: Guarded) -> None:
    """The setting is lowered within the window: nobody more is changed."""
    users = world.fill(8)
    await world.take(users[:6], Signal.CATCH_UP)
    world.limit = replace(LIMIT, moves=4)
    await world.take(users[6:], Signal.CATCH_UP)
    assert world.changed == 6


async def test_part_of_a_run_is_released_or_discarded(world: Guarded) -> None:
    """Some by number, some by provider, some by name; the rest stays held until it is discarded."""
    users = world.fill(10)
    world.teams.add(in_service(1, third_party("BT")))
    run = await world.hold(users)
    for chosen, count in {
        HeldSelection(provider="bt"): 1,
        HeldSelection(users=frozenset({"user2@contoso.example", guid(3)})): 2,
        HeldSelection(limit=3): 3,
    }.items():
        assert await world.release(run, chosen) == count
    assert world.changed == 6
    assert world.runs.runs[run].state is RunState.HELD
    done, discarded = await world.releases().discard_run(run, ADELE)
    assert (done.state, done.reason) == (RunState.FINISHED, "4 held users were discarded")
    assert (discarded, world.held.rows, world.changed) == (4, {}, 6)


async def test_two_releases_at_once_one_wins_and_the_other_is_told(world: Guarded) -> None:
    """Whoever comes second learns that somebody else was faster, and nobody is released twice."""
    run = await world.hold(world.fill(3))
    answers = await asyncio.gather(
        world.releases().release_run(run, ADELE),
        world.releases().discard_run(run, RequestedBy("alex")),
        return_exceptions=True,
    )
    (error,) = (each for each in answers if isinstance(each, BaseException))
    assert "somebody else" in str(error)


async def test_releasing_twice_releases_once(world: Guarded) -> None:
    """Attack 7: a second release that comes after the first one's users were queued opens nothing again."""
    run = await world.hold(users := world.fill(3))

    @dataclass
    class Late(FakeRuns):
        overtaken: bool = False

        async def find_run(self, run: str) -> Run | None:
            found = await super().find_run(run)
            if not self.overtaken:
                self.overtaken = True
                await world.releases().release_run(run, ADELE)
                await world.releases().resume()
            return found

    world.runs = Late(world.runs.runs, revisions=world.runs.revisions)
    with pytest.raises(ConflictError, match="is moving: it holds nobody"):
        await world.releases().release_run(run, ADELE)
    assert (world.runs.runs[run].state, world.state.released) == (RunState.MOVING, [])
    assert sorted(world.queue.users) == users


async def test_a_run_that_is_not_there_holds_nobody(world: Guarded) -> None:
    """Neither for a release nor for a discarding, whatever its name is."""
    releases = world.releases()
    for decide in (releases.release_run, releases.discard_run):
        with pytest.raises(NoSuchItemError, match="no such run"):
            await decide("../x", ADELE)


@pytest.mark.parametrize(
    ("by", "began", "said"),
    [
        (RequestedBy("function key 0f1c2a52"), "", "takes the sign-in of an approver"),
        (RequestedBy("alex@contoso.example", guid(901)), "", "does not name you"),
        (ADELE, str(ADELE), "you began run"),
        (ADELE, "", ""),
        (ADELE, f"alex@contoso.example ({guid(901)})", ""),
        (RequestedBy("ADELE@contoso.example", guid(900)), "root on machine", ""),
    ],
)
async def test_a_release_takes_a_second_person(
    world: Guarded, by: RequestedBy, began: str, said: str
) -> None:
    """With ACP_APPROVERS: one of them, signed in, who did not begin the run; to discard anybody may."""
    approvers = frozenset({"adele@contoso.example"})
    await world.runs.save_run(replace(HELD, requested_by=began))
    await world.held.add_held(HeldUser(guid(1), "", "BT", Signal.SWEEP, SWEEP, NOON))
    releases = world.releases(approvers)
    if said:
        with pytest.raises(NotPermittedError, match=said):
            await releases.release_run(SWEEP, by)
        assert not world.held.rows[guid(1)].released
    else:
        assert (await releases.release_run(SWEEP, by))[1] == 1


@pytest.mark.parametrize("released", [True, False])
async def test_a_decision_about_a_held_user_is_in_the_users_history(
    world: Guarded, released: bool
) -> None:
    """Who decided, why, and about what; of whom nobody decided nothing is added."""
    run = await world.hold(users := world.fill(2))
    by = RequestedBy("adele", "id-1", "INC1", "pilot")
    decide = world.releases().release_run if released else world.releases().discard_run
    world.clock.passed = 60
    await decide(run, by, HeldSelection(limit=1))
    (decided,) = (user for user in users if len(world.history.of(user)) > 1)
    held, record = world.history.of(decided)
    assert held.what is HistoryEvent.HELD
    assert record == replace(
        held,
        what=HistoryEvent.RELEASED if released else HistoryEvent.DISCARDED,
        at=NOON + timedelta(seconds=60),
        by="adele (id-1)",
        ticket="INC1",
        note="pilot",
    )
