"""Scenes of instances whose clocks differ by as much as a minute."""

import asyncio

from shared.domain.messages import MoveMessage
from shared.domain.run import Mode, Signal
from tests.simulation.fate import Fault, Process
from tests.simulation.loop import Clock, Crash
from tests.simulation.scene import Scene, act, minutes
from tests.simulation.world import settings

FIRST, SECOND = (f"20261123T00000{number}Z-sweep-00000000" for number in (1, 2))


def test_a_move_that_a_clock_behind_tells_of_is_no_other_run_s() -> None:
    """An instance that is 30 s ahead dies after its set; one that is 30 s behind gets the message."""

    async def story(scene: Scene) -> None:
        (user,) = scene.users(1)
        scene.strike("teams.set", Fault.CRASH_AFTER)

        async def handle(name: str, skew: float, run: str) -> None:
            app = scene.world.app(Process(name, Clock(skew)), settings())
            await app.mover.handle(MoveMessage(Signal.SWEEP, (user.id,), run, mode=Mode.MOVE))

        try:
            await handle("ahead", 30, FIRST)
        except Crash:
            await asyncio.sleep(10)
        await handle("behind", -30, FIRST)
        await minutes(4)
        await handle("right", 0, SECOND)

    results = act(story).rows("runresults")
    assert {row["PartitionKey"]: row["outcome"] for row in results} == {
        FIRST: "moved",
        SECOND: "already_microsoft",
    }
