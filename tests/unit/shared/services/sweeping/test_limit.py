"""A sweep that would replace too many conference IDs: the guard holds those users, the others are queued."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.decision import Rules
from shared.domain.guard import GuardLimit
from shared.domain.held import HeldUser
from shared.domain.number_rules import NumberRules
from shared.domain.run import RunState, Signal
from tests.fakes import NOON, guid, in_service, licensed, microsoft, third_party
from tests.unit.shared.services.sweeping.world import LIMIT
from tests.unit.shared.services.sweeping.world import SweepingWorld as World


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        (replace(LIMIT, moves=2), "ACP_GUARD_MAX_MOVES is 2 per 60 minutes"),
        (
            GuardLimit(500, 0.5, timedelta(minutes=30)),
            "ACP_GUARD_MAX_SHARE is 0.5 of 4 licensed users per 30 minutes",
        ),
    ],
)
async def test_a_sweep_over_a_limit_is_marked_before_anybody_is_queued(
    limit: GuardLimit, why: str
) -> None:
    """Three would lose their ID: the run says so, and everybody is queued for the guard to decide."""
    world = World(limit=limit)
    world.fill(3, third_party())
    world.directory.add(licensed(3))
    world.teams.add(in_service(3))
    run = await world.sweep()
    assert (run.state, run.holds) == (RunState.HELD, True)
    assert run.reason == f"it would replace the conference IDs of 3 users; {why}"
    assert (world.queued, run.counts["queued"]) == ({guid(number) for number in range(4)}, 4)
    assert world.state.licensed_users == 4


async def test_a_change_of_bridge_is_held_and_named() -> None:
    """Finding 17: users on Microsoft who would get a new conference ID count, by the rules that do it."""
    numbers = NumberRules.parse({"DE": "+4969120012345", "US": "+4969120012345", "*": "+15550177"})
    bridges = {"+15550199": "one", "+15550177": "one", "+4969120012345": "two"}
    world = World(
        rules=Rules(numbers=numbers, bridges=bridges),
        limit=replace(LIMIT, moves=2, numbers=numbers),
    )
    world.fill(1, third_party())
    world.directory.add(*(licensed(number) for number in (1, 2, 3)))
    world.teams.add(*(in_service(number, microsoft()) for number in (1, 2, 3)))
    run = await world.sweep()
    assert (run.state, run.reason) == (
        RunState.HELD,
        "it would replace the conference IDs of 4 users; ACP_GUARD_MAX_MOVES is 2 per 60 minutes; "
        "3 users on Microsoft would get a new conference ID because the rules DE=+4969120012345, "
        "US=+4969120012345 name numbers on another bridge",
    )
    assert run.counts["change_bridge"] == run.counts["change_bridge_4969120012345"] == 3


async def test_a_change_of_bridge_is_queued_like_a_move() -> None:
    """Within the limit the users are queued, and the mover saves what they have."""
    numbers = NumberRules.parse({"US": "+4969120012345"})
    bridges = {"+15550199": "one", "+4969120012345": "two"}
    world = World(rules=Rules(numbers=numbers, bridges=bridges))
    world.directory.add(licensed(1))
    world.teams.add(in_service(1, microsoft()))
    await world.sweep()
    assert world.sent == [guid(1)]


async def test_at_the_limit_nothing_is_held() -> None:
    """The limits name what is still permitted."""
    world = World(limit=replace(LIMIT, moves=3))
    world.fill(3, third_party())
    run = await world.sweep()
    assert (run.state, run.holds) == (RunState.MOVING, False)


async def test_who_needs_only_another_look_does_not_count() -> None:
    """Users whom Teams never lists, or who have no provider, hold no sweep, night after night."""
    world = World(limit=replace(LIMIT, moves=0))
    world.fill(3)
    world.directory.add(*(licensed(number) for number in range(3, 9)))
    for _ in range(2):
        world.queue.messages.clear()
        run = await world.sweep()
        assert (run.state, len(world.queued)) == (RunState.MOVING, 9)


async def test_who_is_held_already_is_counted_but_neither_queued_nor_held_again() -> None:
    """The night after: the held wait for a person, and do not hold the next sweep as well.

    Who was released and is still not changed waits for nobody, and is queued.
    """
    world = World(limit=replace(LIMIT, moves=2))
    world.fill(4, third_party())
    await world.held.add_held(
        HeldUser(guid(3), "", "InterCall", Signal.CATCH_UP, "run", NOON, released=True)
    )
    for number in (0, 1):
        row = HeldUser(guid(number), "", "InterCall", Signal.CATCH_UP, "run", NOON)
        await world.held.add_held(row)
    run = await world.sweep()
    assert (run.state, world.queued) == (RunState.MOVING, {guid(2), guid(3)})
    assert (run.counts["held"], run.counts["replace"], run.counts["unlisted"]) == (2, 2, 0)


@pytest.mark.parametrize("released", [False, True])
async def test_who_is_held_and_needs_no_change_any_more_is_queued(released: bool) -> None:
    """A person set Microsoft by hand: no signal tells of it, and nobody else takes the user off the list."""
    world = World()
    world.directory.add(licensed(0))
    world.teams.add(in_service(0, microsoft()), in_service(1, third_party()))
    for number in (0, 1):
        row = HeldUser(guid(number), "", "InterCall", Signal.SWEEP, "run", NOON, released=released)
        await world.held.add_held(row)
    run = await world.sweep()
    assert (run.state, world.queued) == (RunState.MOVING, {guid(0), guid(1)})
    assert run.counts.get("held", 0) == 0


async def test_report_is_never_held() -> None:
    """Report mode moves nobody, so its sweep tells of everybody."""
    world = World(limit=None)
    world.fill(3, third_party())
    assert (await world.sweep()).state is RunState.MOVING
