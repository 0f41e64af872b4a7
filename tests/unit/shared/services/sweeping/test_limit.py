"""A sweep that would move too many is held until a person releases it."""

import pytest

from shared.domain.run import RunState
from shared.domain.sweep_limit import SweepLimit
from shared.errors import InputError, StorageError
from tests.fakes import licensed
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
