"""People at the brakes: one who pauses and ends pauses, one who releases and discards; and their rules."""

import asyncio
from bisect import bisect_left

from shared.domain.held import HeldSelection
from shared.domain.pause import RequestedBy
from shared.errors import AcpError
from tests.simulation.host import Host
from tests.simulation.loop import Crash
from tests.simulation.rules import Rules

SOMEBODY = RequestedBy("somebody")

_AFTER_PAUSE = 4.0
"""Seconds: a second for which a pause may be unknown, two in which a set gets its turn, its answer."""


class Pauser:
    """Pauses all changes for some minutes, now and then; remembers from when to when."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    async def act(self, host: Host, _: Rules, until: float) -> None:
        """Pause and end the pause until a time; at that time there is none."""
        rng, loop = host.world.rng, asyncio.get_running_loop()
        while loop.time() < until:
            await asyncio.sleep(rng.uniform(60, 1200))
            if not await self._set(host, paused=True):
                continue
            began = loop.time()
            await asyncio.sleep(rng.uniform(60, 900))
            self.times.append((began, loop.time()))
            while not await self._set(host, paused=False):  # noqa: ASYNC110 - a person tries again
                await asyncio.sleep(5)

    async def _set(self, host: Host, *, paused: bool) -> bool:
        instance = host.any()
        if instance is None:
            return False
        pauses = instance.app.pauses
        try:
            await (pauses.pause("why", SOMEBODY) if paused else pauses.end(SOMEBODY))
        except (AcpError, Crash):
            return False
        return True

    def broken(self, rules: Rules) -> list[str]:
        """Return the sets that were made during a pause."""
        return [
            f"{change.person.id} at {change.at:.0f} s, paused since {began:.0f} s"
            for change, _ in rules.sets
            for began, ended in self.times
            if began + _AFTER_PAUSE < change.at < ended
        ]


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


def most_in(window: float, times: list[float]) -> int:
    """Return the largest number of times within any stretch of a window."""
    times = sorted(times)
    return max(
        (at - bisect_left(times, times[at] - window) + 1 for at in range(len(times))), default=0
    )
