"""Timer triggers: one task per timer, one run at a time.

Azure also keeps each timer's last run in a blob and makes up for a run that was missed while the
host was down (`useMonitor`); this host starts every timer afresh.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from local.host.ncrontab import Schedule

logger = logging.getLogger(__name__)


class Timer:
    """Calls `run(last, next)` at every moment of `schedule`, and at the start if asked.

    As in Azure a run that takes longer than the interval is not overtaken: the next moment is
    counted from its end.
    """

    def __init__(
        self,
        name: str,
        schedule: Schedule,
        run: Callable[[datetime | None, datetime], Awaitable[object]],
        *,
        at_start: bool,
    ) -> None:
        self.name = name
        self.schedule = schedule
        self._run = run
        self._at_start = at_start
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start no new run; `keep_time` ends when a running one has finished."""
        self._stopping.set()

    async def keep_time(self) -> None:
        """Work until `stop`."""
        last: datetime | None = None
        if self._at_start:
            last = _now()
            await self._run(None, self.schedule.next_after(last))
        while not self._stopping.is_set():
            due = self.schedule.next_after(_now())
            logger.debug("timer %s is next due at %s", self.name, due.isoformat())
            if not await self._sleep_until(due):
                return
            await self._run(last, self.schedule.next_after(due))
            last = due

    async def _sleep_until(self, due: datetime) -> bool:
        """False when the timer was stopped first. The loop's clock may run ahead of the wall's."""
        while (seconds := (due - _now()).total_seconds()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
            if self._stopping.is_set():
                return False
        return True


def _now() -> datetime:
    return datetime.now(UTC)
