"""The tick: what has to be done every minute or every few minutes, by one timer.

Its parts run at the same time and fail apart from each other. The host never lets a timer overlap itself,
so none may take long: what is not done after a slice of time is stopped, as by a crash, and continues by
a message of the upkeep queue, where it has as long as any function.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from shared.clock import Clock
from shared.concurrency import all_of
from shared.domain.messages import Upkeep, UpkeepMessage
from shared.domain.schedule import Schedule
from shared.errors import BusyError
from shared.services.ports import Queue
from shared.telemetry.events import UpkeepPostponed
from shared.telemetry.log import EventLog

SLICE: Final = timedelta(seconds=40)
"""How long a part may take within a tick, which has to end within 45 seconds."""

_EARLY: Final = timedelta(seconds=1)
"""A timer may be early by some milliseconds."""

_FIRST_LOOK_BACK: Final = timedelta(minutes=1)
_LONGEST_LOOK_BACK: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the upkeep. schedule: when it is due; None: when a message asks for it."""

    run: Callable[[], Awaitable[object]]
    schedule: Schedule | None = None


class Ticker:
    """Runs the parts that are due. schedule: of the tick, which has every moment of the parts'."""

    def __init__(
        self,
        parts: Mapping[Upkeep, Part],
        schedule: Schedule,
        queue: Queue,
        clock: Clock,
        log: EventLog,
        *,
        slice_: timedelta = SLICE,
    ) -> None:
        self._parts = parts
        self._schedule = schedule
        self._queue = queue
        self._clock = clock
        self._log = log
        self._slice = slice_
        self._running: set[Upkeep] = set()
        self._last: datetime | None = None

    async def tick(self, *, missed: bool = False) -> None:
        """Run the parts that are due since the last tick of this process, all at the same time.

        missed: earlier ticks did not happen, so every part is due; as it is for a tick outside the schedule,
        by hand. Raises what a part raised once all have ended; an ExceptionGroup where several did.
        """
        due = self._due(self._clock.now(), everything=missed)
        await all_of(*(partial(self._within_slice, name) for name in due))

    async def run(self, name: Upkeep) -> None:
        """Run one part, as long as it takes; raises what it raises."""
        await self._unless_running(name)

    def _due(self, now: datetime, *, everything: bool) -> list[Upkeep]:
        until = now + _EARLY
        after = max(self._last or until - _FIRST_LOOK_BACK, until - _LONGEST_LOOK_BACK)
        moments = list(self._schedule.moments(after, until))
        self._last = until
        scheduled = {name: part.schedule for name, part in self._parts.items() if part.schedule}
        if everything or not moments:
            return list(scheduled)
        return [
            name for name, schedule in scheduled.items() if any(at in schedule for at in moments)
        ]

    async def _within_slice(self, name: Upkeep) -> None:
        limit = asyncio.timeout(self._slice.total_seconds())
        try:
            async with limit:
                await self._unless_running(name)
        except TimeoutError:
            if not limit.expired():
                raise  # its own
            await self._queue.send([UpkeepMessage(name)])
            self._postpone(name, "it takes long and continues by message")

    async def _unless_running(self, name: Upkeep) -> None:
        if name in self._running:
            self._postpone(name, "it is still running")
            return
        self._running.add(name)
        try:
            await self._parts[name].run()
        except BusyError as error:
            self._postpone(name, str(error))
        finally:
            self._running.discard(name)

    def _postpone(self, name: Upkeep, reason: str) -> None:
        self._log.write(UpkeepPostponed(part=name, reason=reason))
