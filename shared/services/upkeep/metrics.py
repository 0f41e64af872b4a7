"""Collect metrics for the workbook and the alerts: remaining work and the age of the app's data.

The metrics are read from storage, not derived from the other timers' own reports: a timer that fails
reports nothing, but its metric still grows here.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.services.ports import HeldUsers, State, WaitingUsers
from shared.telemetry.events import Measured
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class MetricsCollector:
    """Collects the metrics; poison: one count for each poison queue."""

    def __init__(
        self,
        waiting: WaitingUsers,
        state: State,
        poison: Sequence[Callable[[], Awaitable[int]]],
        clock: Clock,
        log: EventLog,
        *,
        held: HeldUsers,
    ) -> None:
        self._waiting = waiting
        self._state = state
        self._held = held
        self._poison = poison
        self._clock = clock
        self._log = log

    @traced
    async def measure(self) -> None:
        """Log one line of metrics. StorageError: the storage did not answer."""
        now = self._clock.now()
        ages = Counter([_age(now - row.since) async for row in self._waiting.waiting()])
        attention = sum([1 async for _ in self._waiting.attention()])
        subscription = await self._state.subscription()
        ends = subscription.expires_at if subscription else None
        caught_up = await self._state.delta_at()
        self._log.write(
            Measured(
                waiting=ages.total(),
                waiting_hour=ages[_HOUR],
                waiting_day=ages[_DAY],
                waiting_longer=ages[timedelta.max],
                attention=attention,
                held=sum((await self._held.counts()).values()),
                paused=int(await self._state.pause() is not None),
                poison=sum([await count() for count in self._poison]),
                delta_age_s=_seconds(caught_up, now),
                subscription_left_s=_seconds(now, ends),
            )
        )


def _age(waited: timedelta) -> timedelta:
    """Return the upper bound of the class that a wait belongs to."""
    return next(bound for bound in (_HOUR, _DAY, timedelta.max) if waited < bound)


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return round((end - start).total_seconds()) if start and end else None
