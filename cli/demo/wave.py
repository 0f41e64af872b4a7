"""What happens in the demo: a wave of licenses, then a sweep, each until nothing is on its way."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cli.demo.calls import Control
from cli.demo.snapshot import Snapshot
from cli.demo.summary import TenantUser, app_calls
from shared.bootstrap.services import App
from shared.domain.run import Run, RunState

_AT_ONCE: Final = 4
"""Licenses that are being assigned at the same time."""

_CHOSEN_OF_FIVE: Final = (0, 2, 4)
"""Who gets a license, of every five users without one."""

_LOOK_EVERY: Final = 0.2
_COUNTED_WITHIN: Final = 30.0
"""Seconds within which a sweep is finished once all of its users have an outcome."""

_STALLED_AFTER: Final = 60.0
"""Seconds without any change after which the demo stops waiting."""


def choose(users: Sequence[TenantUser]) -> list[TenantUser]:
    """Return who gets a license: 60 % of those who have none, with and without a provider alike.

    Users whose license is suspended or switched off stay as they are: they must not be touched.
    """
    chosen: list[TenantUser] = []
    for third_party in (True, False):
        group = [
            user
            for user in users
            if user.included
            and not user.licensed
            and user.plan_status is None
            and user.third_party is third_party
        ]
        chosen += [user for number, user in enumerate(group) if number % 5 in _CHOSEN_OF_FIVE]
    return chosen


class Play:
    """Carries out the demo's steps. `show` gets a snapshot several times a second.

    check: raises when a process of the system has ended.
    """

    def __init__(
        self,
        control: Control,
        app: App,
        show: Callable[[Snapshot], None],
        check: Callable[[], None],
    ) -> None:
        self._control = control
        self._app = app
        self._queue = app.adapters.queue(app.settings.queues.moves.name)
        self._show = show
        self._check = check
        self._wave: Sequence[TenantUser] = ()
        self._assigned = 0

    async def license(self, wave: Sequence[TenantUser]) -> Snapshot:
        """Assign a license to each user, and wait for what follows; returns the last snapshot."""
        self._wave = wave
        return await self._until_quiet(self._assign())

    async def sweep(self) -> Snapshot:
        """Run the sweep, and wait for what follows; returns the last snapshot."""
        return await self._until_quiet(self._control.run_function("sweep_providers"))

    async def catch_up(self) -> None:
        """Read the change feed to its end, and wait for what follows."""
        await self._until_quiet(self._control.run_function("run_upkeep", "catch_up"))

    async def last_sweep(self, since: datetime) -> Run | None:
        """Return the newest sweep that began after `since`, or None.

        Waits until the app has counted the outcomes of its users, which it does at its next tick.
        """
        deadline = time.monotonic() + _COUNTED_WITHIN
        while True:
            found = await self._newest_sweep(since)
            if found is None or found.state is not RunState.MOVING or time.monotonic() > deadline:
                return found
            await asyncio.sleep(_COUNTED_WITHIN / 100)

    async def _newest_sweep(self, since: datetime) -> Run | None:
        async for run in self._app.adapters.runs.back_to(since.date(), datetime.now(UTC)):
            return run
        return None

    async def _assign(self) -> None:
        token = await self._control.graph_token()
        left = iter(self._wave)

        async def work() -> None:
            for user in left:
                await self._control.assign_license(user, token)
                self._assigned += 1

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    async def _until_quiet(self, work: Coroutine[Any, Any, None]) -> Snapshot:
        """Do `work`, then watch until it is quiet, or until nothing moves any more before that."""
        task = asyncio.create_task(work)
        progress: tuple[int, ...] = ()
        moved_at = time.monotonic()
        try:
            while True:
                finished, began = task.done(), time.monotonic()
                snapshot = await self.look()
                self._show(snapshot)
                if finished:
                    await task
                    if snapshot.quiet:
                        return snapshot
                if snapshot.progress != progress:
                    progress, moved_at = snapshot.progress, time.monotonic()
                elif finished and time.monotonic() - moved_at > _STALLED_AFTER:
                    return snapshot
                self._check()
                # Looking costs the storage something: at most a quarter of the time.
                took = time.monotonic() - began
                await asyncio.sleep(max(_LOOK_EVERY, 3 * took))
        finally:
            task.cancel()

    async def look(self) -> Snapshot:
        """Look at everything. In the order of the flow, so that nobody on the way is overlooked:

        a user leaves the queue only after the waiting list has the user, or the work is done.
        """
        counters = await self._control.counters()
        queued = await self._queue.count()
        waiting = [row async for row in self._app.adapters.waiting.waiting()]
        summary = await self._control.summary()
        functions = await self._control.functions()
        looks = functions["move_users"]
        return Snapshot(
            totals=summary["totals"],
            assigned=self._assigned,
            wave=len(self._wave),
            notifications=counters["notifications"]["delivered"],
            graph_calls=app_calls(counters["calls"], "graph"),
            teams_calls=app_calls(counters["calls"], "teams"),
            looks=looks["succeeded"] + looks["failed"],
            waiting=len(waiting),
            quiet=counters["idle"] and not queued and not waiting,
        )
