"""What a universe leaves out of its quiet would have changed nothing."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from shared.bootstrap.services import App
from tests.simulation.fate import Dice, Gate
from tests.simulation.host import Host
from tests.simulation.loop import MIDNIGHT, run
from tests.simulation.people import population
from tests.simulation.universe import begin_timers
from tests.simulation.world import World

_OF_THE_MOMENT = ("_etag", "_at", "completed_at")


class Diligent(Host):
    """Runs what is idle all the same, and notes what that changed. found: such runs, by their period."""

    def __init__(self, world: World) -> None:
        super().__init__(world, {})
        self.calm = True
        self.idle = 0
        self.found: Counter[float] = Counter()
        self.changed: list[str] = []

    def timer(
        self,
        first: float,
        period: float,
        work: Callable[[App], Awaitable[object]],
        idle: Callable[[], float] = lambda: 0.0,
    ) -> None:
        async def checked(app: App) -> None:
            was_idle = idle() > asyncio.get_running_loop().time()
            before = self._content()
            self.idle += was_idle
            alone = len(self._tasks) == self.idle
            await work(app)
            if was_idle and alone and len(self._tasks) == self.idle:
                self.found[period] += 1
                if self._content() != before:
                    self.changed.append(f"at {asyncio.get_running_loop().time():.0f} s")
            self.idle -= was_idle

        super().timer(first, period, checked)

    def _content(self) -> list[Any]:
        """Return what lasts: rows but for leases and times of reading, messages, users, subscriptions."""
        rows = {
            (table, keys): {name: row[name] for name in row if name not in _OF_THE_MOMENT}
            for table, its in self.world.account.tables.items()
            for keys, row in its.items()
            if not keys[1].startswith("lease-")
        }
        letters = {name: list(content.letters) for name, content in self.world.queues.items()}
        past = [len(person.past) for person in self.world.people]
        return [rows, letters, past, list(self.world.graph.live.values())]


def test_what_is_idle_would_change_nothing() -> None:
    """Hours of a quiet app: each tick and each renewal that is left out is carried out here.

    The sweep that died before it stored its run leaves nothing to do, a lost subscription does.
    """

    async def story() -> Diligent:
        rng = random.Random(1)
        host = Diligent(World(Gate(Dice(rng, {})), population(rng, 8), rng))
        host.start(2)
        begin_timers(host)
        await asyncio.sleep(8650)
        died = {"PartitionKey": "state", "RowKey": "sweep", "run": "20261123T020000Z-sweep-0"}
        rows = host.world.account.tables["state"]
        rows["state", "sweep"] = host.world.account.stamp(died | {"_at": MIDNIGHT})
        host.world.graph.live.clear()
        await asyncio.sleep(5400)
        return host

    host = run(1, story())
    assert host.changed == []
    assert host.found[60.0] > 200
    assert host.found[3600.0] > 2
