"""Small worlds, searched whole: each crash point times each schedule with at most two delays.

One user and two parties. A port call of the undisturbed run is a point: somebody may die before or
after it, and one or two of the calls may be held up for so long that everybody else goes on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final

from shared.bootstrap.services import App
from shared.domain.messages import MoveMessage
from shared.domain.run import Signal
from shared.storage.codec import encode
from tests.simulation import bugs
from tests.simulation.fate import Fault, Gate, Script, Verdict
from tests.simulation.host import Host
from tests.simulation.loop import run
from tests.simulation.people import People, State
from tests.simulation.rules import ENDED, STRICT, Broken, Limits, Rules
from tests.simulation.world import World

_DELAY: Final = Verdict(None, 40.0)
_MOST_CALLS: Final = 400
_QUIET: Final = (700.0, 100.0, 4000.0)
"""Seconds before each time that all timers run: a crash holds a message for ten minutes at most."""

Party = Callable[[Host], Awaitable[None]]


async def _mover(host: Host) -> None:
    user = next(iter(host.world.people)).id
    host.world.queues["moves"].put(encode(MoveMessage(Signal.LICENSE_EVENT, (user,))))


async def _sweep(host: Host) -> None:
    if instance := host.any():
        await host.run(instance, _swept)


async def _swept(app: App) -> object:
    return await app.sweeper.sweep()


async def _upkeep(app: App) -> None:
    await app.poison.record()
    await app.rechecker.recheck()
    await app.sweeper.sweep()


async def _count(app: App) -> object:
    return await app.run_outcomes.update()


async def _person(host: Host) -> None:
    someone = next(iter(host.world.people))
    await asyncio.sleep(0.03)
    someone.change("person", entries=host.world.people.third_party("BT"))


WORLDS: Final[dict[str, tuple[Party, Party]]] = {
    "two movers": (_mover, _mover),
    "mover and sweep": (_mover, _sweep),
    "mover and person": (_mover, _person),
    "two sweeps": (_sweep, _sweep),
}


@dataclass(frozen=True)
class Schedule:
    """What happens in a small world: who dies at which call, and which calls are held up."""

    world: str
    crash: tuple[int, Fault] | None = None
    delays: tuple[int, ...] = ()


def schedules(world: str, delays: int, calls: int) -> Iterator[Schedule]:
    """Yield every schedule of a world whose undisturbed run has so many calls."""
    points = range(1, calls + 1)
    crashes = [(at, fault) for at in points for fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)]
    for crash in (None, *crashes):
        for count in range(delays + 1):
            for held in combinations(points, count):
                yield Schedule(world, crash, held)


def number_of_schedules(delays: int, calls: int) -> int:
    """Return how many schedules there are."""
    return (1 + 2 * calls) * sum(comb(calls, count) for count in range(delays + 1))


def play(schedule: Schedule, bug: str = "", limits: Limits = STRICT) -> tuple[list[Broken], int]:
    """Play one schedule; return what broke, and how many calls the parties made."""
    verdicts = dict.fromkeys(schedule.delays, _DELAY)
    if schedule.crash:
        at, fault = schedule.crash
        verdicts[at] = Verdict(fault, verdicts.get(at, Verdict()).before)
    return run(1, _play(schedule.world, Script(verdicts), bug, limits))


def _is_settled(world: World) -> bool:
    """Whether nothing is left to do: no message, nobody to look at again, every run at its end."""
    account = world.account
    return not (
        any(content.letters for content in world.queues.values())
        or account.rows("waiting")
        or any(row["state"] not in ENDED for row in account.rows("runs"))
        or any(someone.state.third_party for someone in world.people)
    )


async def _play(name: str, script: Script, bug: str, limits: Limits) -> tuple[list[Broken], int]:
    people = People()
    people.add(State(entries=people.third_party()))
    quiet = Script()
    world = World(Gate(quiet), people, random.Random(1), bugs.wiring(bug))
    host = Host(world, {})
    rules = Rules(host, limits)
    host.start(2)
    await asyncio.sleep(5)  # until the instances have their subscription
    world.gate.fate = script
    for party in WORLDS[name]:
        host.spawn(party(host))
    await asyncio.sleep(200)
    calls, world.gate.fate = script.calls, quiet
    for pause in _QUIET:
        await asyncio.sleep(pause)
        if instance := host.any():
            await host.run(instance, _upkeep)
        await asyncio.sleep(100)
        if instance := host.any():
            await host.run(instance, _count)
        if _is_settled(world):
            break
    rules.check_end()
    return rules.broken, min(calls, _MOST_CALLS)
