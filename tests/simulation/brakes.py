"""People at the brakes: one who pauses and ends pauses, one who releases and discards."""

import asyncio

from shared.domain.held import HeldSelection
from shared.domain.pause import RequestedBy
from shared.errors import AcpError
from tests.simulation.host import Host
from tests.simulation.loop import Crash
from tests.simulation.rules import Rules

SOMEBODY = RequestedBy("somebody")


async def pauser(host: Host, rules: Rules, until: float) -> None:
    """Pause all changes for some minutes, now and then; at the end there is no pause."""
    rng, loop = host.world.rng, asyncio.get_running_loop()
    while loop.time() < until:
        await asyncio.sleep(rng.uniform(60, 2400))
        if await _set(host, paused=True):
            rules.reached["pause"] += 1
            rules.watch.paused = loop.time()
            await asyncio.sleep(rng.uniform(60, 900))
            rules.watch.paused = None
        while not await _set(host, paused=False):  # noqa: ASYNC110 - a person tries again
            await asyncio.sleep(5)


async def _set(host: Host, *, paused: bool) -> bool:
    instance = host.any()
    if instance is None:
        return False
    pauses = instance.app.pauses
    try:
        await (pauses.pause("why", SOMEBODY) if paused else pauses.end(SOMEBODY))
    except (AcpError, Crash):
        return False
    return True


async def decider(host: Host, _: Rules, until: float) -> None:
    """Release what is held, all of a run or some of it, or discard some; several people at once."""
    rng, loop = host.world.rng, asyncio.get_running_loop()
    while loop.time() < until:
        await asyncio.sleep(rng.uniform(60, 900))
        runs = sorted({row["run"] for row in host.world.account.rows("held")})
        for run in runs:
            chosen = HeldSelection(limit=rng.choice([None, None, 1, 5]))
            for _person in range(rng.choice([1, 2])):
                host.spawn(decide(host, run, chosen, release=rng.random() < 0.8))


async def decide(host: Host, run: str, chosen: HeldSelection, *, release: bool) -> None:
    """Release or discard once; whoever is slower, or meets a fault, leaves it to the next time."""
    if instance := host.any():
        work = instance.app.releases.release_run if release else instance.app.releases.discard_run
        await host.run(instance, lambda _: work(run, SOMEBODY, chosen))
