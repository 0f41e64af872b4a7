"""Runs that people ask for, when the storage or Graph fails in the middle."""

import asyncio
from typing import Any

import pytest

from shared.domain.run import RunState
from shared.domain.user import ServiceUser
from shared.errors import ServerFaultError, StorageError, UnreachableError
from tests.fakes import FakeTeams, guid
from tests.unit.shared.services.move_requests.world import RequestingWorld as World

MANY = 250


async def test_an_outcome_that_cannot_be_recorded_interrupts_the_run() -> None:
    """The storage fails for one user in the middle: an error, a run that goes on, each set once."""
    world = World()
    names = world.fill(MANY)
    world.users.down = {guid(130)}
    with pytest.raises(StorageError, match="write in table users"):
        await world.carry_out(*names)
    run = world.runs.last
    assert run.state is RunState.INTERRUPTED
    assert run.counts["users"] == MANY
    assert 100 <= run.counts["moved"] < MANY
    world.users.down.clear()
    run = await world.runner().carry_out(run.id)
    assert run.state is RunState.FINISHED
    assert run.counts["users"] == sum(run.counts.values()) - MANY == MANY
    assert world.set_once(MANY)


async def test_an_outcome_that_cannot_be_recorded_cuts_nobody_off() -> None:
    """The other users of a page who were begun come to their end, and have their results."""

    class Slow(FakeTeams):
        async def user(self, user_id: str, **options: Any) -> ServiceUser | None:
            for _ in range(100 if user_id > guid(20) else 0):
                await asyncio.sleep(0)
            return await super().user(user_id, **options)

    world = World(teams=Slow())
    names = world.fill(60)
    world.users.down = {guid(1)}
    with pytest.raises(StorageError, match="write in table users"):
        await world.carry_out(*names)
    assert len(world.outcomes(world.runs.last)) == 59
    assert world.set_once(60)


@pytest.mark.parametrize("unknown", [0, 1], ids=["of the moved", "of the unknown"])
async def test_results_that_cannot_be_written_interrupt_the_run(unknown: int) -> None:
    """The table of results fails once: an error, and the run goes on to its end all the same."""
    world = World()
    names = [*world.fill(30), *["unknown@contoso.example"] * unknown]
    world.runs.fails = 1
    with pytest.raises(StorageError, match="runresults"):
        await world.carry_out(*names)
    assert world.runs.last.state is RunState.INTERRUPTED
    run = await world.runner().carry_out(world.runs.last.id)
    assert run.state is RunState.FINISHED
    assert len(world.outcomes(run)) == 30 + unknown
    assert world.set_once(30)


async def test_a_storage_that_is_gone_leaves_a_run_that_goes_on() -> None:
    """Even when it cannot be stored that the run stopped, it can be carried out later."""
    world = World()
    runner = world.runner()
    run = await runner.begin(world.fill(3))
    world.requests.down = True
    with pytest.raises(StorageError):
        await runner.carry_out(run.id)
    assert world.runs.last.state is not RunState.FINISHED
    world.requests.down = False
    assert (await runner.carry_out(run.id)).state is RunState.FINISHED
    assert world.set_once(3)


@pytest.mark.parametrize("kind", [UnreachableError, ServerFaultError])
async def test_a_directory_that_is_down_interrupts_the_run(
    kind: type[UnreachableError | ServerFaultError],
) -> None:
    """Nobody gets a result for it: the users are looked up when the run goes on."""
    world = World()
    names = world.fill(3)
    world.directory.down = kind("Graph", "POST /v1.0/$batch", "down")
    with pytest.raises(kind):
        await world.carry_out(*names)
    assert (world.runs.last.state, world.runs.recorded) == (RunState.INTERRUPTED, {})
    world.directory.down = None
    assert (await world.runner().carry_out(world.runs.last.id)).counts["moved"] == 3
