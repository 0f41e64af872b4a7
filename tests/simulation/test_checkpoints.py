"""The delta's checkpoints: wherever a catch-up dies between queueing and storing, nobody is missed."""

import asyncio
import random
from collections import Counter
from contextlib import suppress

import pytest

from shared.errors import AcpError
from shared.storage.codec import decode_move
from tests.simulation.fate import Fault, Gate, Process, Script, Verdict
from tests.simulation.loop import Clock, Crash, run
from tests.simulation.people import People, State
from tests.simulation.world import World, settings

_USERS = 10
"""Four pages of the simulated Graph."""


def catch_up(fault: Fault | None, at: int) -> tuple[int, Counter[str], bool]:
    """Let a catch-up meet a fault at a call; another process goes on.

    Return the calls of the first one, how often each user was queued, and whether all was read.
    """

    async def story() -> tuple[int, Counter[str], bool]:
        people = People()
        world = World(Gate(Script()), people, random.Random(1))

        async def once(name: str) -> None:
            app = world.app(Process(name, Clock()), settings())
            with suppress(Crash, AcpError):
                await app.catch_up.catch_up()

        await once("first")
        for _ in range(_USERS):
            people.license(people.add(State(licensed=False)), "person", True)
        script = Script({at: Verdict(fault)})
        world.gate.fate = script
        await once("second")
        world.gate.fate = Script()
        await asyncio.sleep(300)  # until it is due again: the lease of a process that died is over
        await once("third")
        queued: Counter[str] = Counter()
        for letter in world.queues["moves"].letters.values():
            queued.update(decode_move(letter.text).users)
        link = f"delta-{len(people.changes)}"
        return (
            script.calls,
            queued,
            any(row.get("link") == link for row in world.account.rows("state")),
        )

    return run(1, story())


@pytest.mark.parametrize(
    "fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.GHOST, Fault.REFUSE]
)
def test_wherever_a_catch_up_dies_everybody_is_queued(fault: Fault) -> None:
    """At each call: everybody is queued, the round ends, and at most one page is queued twice."""
    calls, whole, _ = catch_up(None, 0)
    assert set(whole.values()) == {1}
    for at in range(1, calls + 1):
        _, queued, ended = catch_up(fault, at)
        assert queued.keys() == whole.keys(), f"{fault} at call {at}"
        assert ended, f"{fault} at call {at}"
        assert sum(queued.values()) <= _USERS + 3, f"{fault} at call {at}: more than a page again"
