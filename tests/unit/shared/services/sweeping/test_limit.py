"""A sweep that would move too many is held until a person releases it."""

import pytest

from shared.domain.decision import Rules
from shared.domain.number_rules import NumberRules
from shared.domain.run import RunState
from shared.domain.sweep_limit import SweepLimit
from shared.errors import InputError, StorageError
from tests.fakes import guid, in_service, licensed, microsoft
from tests.unit.shared.services.sweeping.world import SweepingWorld as World


@pytest.mark.parametrize("limit", [SweepLimit(2, 1.0), SweepLimit(500, 0.5)])
async def test_too_many_moves_are_held_until_released(limit: SweepLimit) -> None:
    """A sweep over a limit queues nobody and says why; after a release all its users are queued."""
    world = World(limit=limit)
    world.fill(3)
    run = await world.sweep()
    assert run.state is RunState.HELD
    assert "would move 3" in run.reason
    assert run.counts["enable"] == 3
    assert await world.sweeper().resume() is None
    assert world.sent == []
    await world.sweeper().release_run(run.id)
    done = await world.sweeper().resume()
    assert done is not None
    assert (done.id, done.state) == (run.id, RunState.FINISHED)
    assert len(world.queued) == 3


async def test_a_change_of_bridge_is_held_and_named() -> None:
    """Finding 17: users on Microsoft who would get a new conference ID count, by the rules that do it."""
    numbers = NumberRules.parse({"DE": "+4969120012345", "US": "+4969120012345", "*": "+15550177"})
    bridges = {"+15550199": "one", "+15550177": "one", "+4969120012345": "two"}
    world = World(rules=Rules(numbers=numbers, bridges=bridges), limit=SweepLimit(2, 1.0, numbers))
    world.fill(1)
    world.directory.add(*(licensed(number) for number in (1, 2, 3)))
    world.teams.add(*(in_service(number, microsoft()) for number in (1, 2, 3)))
    run = await world.sweep()
    assert (run.state, run.reason) == (
        RunState.HELD,
        "it would move 4 users; ACP_SWEEP_MAX_MOVES is 2; 3 users on Microsoft would get a new "
        "conference ID because the rules DE=+4969120012345, US=+4969120012345 name numbers on another "
        "bridge",
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
    world = World(limit=SweepLimit(3, 1.0))
    world.fill(3)
    assert (await world.sweep()).state is RunState.FINISHED


async def test_unknown_users_count_for_the_limit() -> None:
    """A listing that names nobody does not open the gate: the licensed users are unknown, not safe."""
    world = World(limit=SweepLimit(2, 1.0))
    world.directory.add(*(licensed(number) for number in range(3)))
    assert (await world.sweep()).state is RunState.HELD


async def test_release_survives_another_sweep_and_an_error() -> None:
    """What a person released is queued in the end, whatever sweeps and errors come between."""
    world = World(limit=SweepLimit(2, 1.0))
    world.fill(3)
    held = await world.sweep()
    await world.sweeper().release_run(held.id)
    await world.sweeper().release_run(held.id)
    world.queue.down = True
    with pytest.raises(StorageError):
        await world.sweeper().resume()
    world.queue.down = False
    world.clock.passed += 8 * 3600
    done = await world.sweeper().resume()
    assert done is not None
    assert (done.id, done.state) == (held.id, RunState.FINISHED)
    assert len(world.queued) == 3


async def test_report_is_never_held() -> None:
    """Report mode moves nobody, so its sweep tells of everybody."""
    world = World(limit=None)
    world.fill(3)
    assert (await world.sweep()).state is RunState.FINISHED


async def test_only_held_runs_are_released() -> None:
    """Releasing what is not held, or does not exist, is refused with the reason."""
    world = World()
    world.fill(1)
    run = await world.sweep()
    with pytest.raises(InputError, match="finished, not held"):
        await world.sweeper().release_run(run.id)
    with pytest.raises(InputError, match="no such run"):
        await world.sweeper().release_run("20261123T120000Z-sweep-0000")
