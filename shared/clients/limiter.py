"""How many calls to one service are under way at once, and until when everybody waits.

One limiter per service and process. Instances share nothing but the service's answers: each slows
down by half when the service throttles and speeds up by one call per round when it does not
(additive increase, multiplicative decrease), so several of them settle on a fair share.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.clock import Clock

_NEAR_THE_WALL = 0.8
"""Graph reports how much of its limit is used from this share on (Graph throttling guidance)."""


class Limiter:
    """Hands out slots for calls; learns from the answers.

    ceiling: calls in flight that are never exceeded.
    """

    def __init__(self, clock: Clock, ceiling: int) -> None:
        self._clock = clock
        self._ceiling = float(ceiling)
        self._limit = float(ceiling)
        self._in_flight = 0
        self._paused_until = 0.0
        self._last_cut = float("-inf")
        self._free = asyncio.Condition()

    @property
    def limit(self) -> int:
        """Calls that may be in flight now."""
        return max(1, int(self._limit))

    def pause_left(self) -> float:
        """Seconds until the service may be called again; 0 when it may be called now."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait for a turn and hold it; yields the time it was given, to hand to `throttled`."""
        async with self._free:
            while True:
                await self._free.wait_for(lambda: self._in_flight < self.limit)
                if not (pause := self.pause_left()):
                    break
                self._free.release()
                try:
                    await self._clock.sleep(pause)
                finally:
                    await self._free.acquire()
            self._in_flight += 1
        try:
            yield self._clock.monotonic()
        finally:
            async with self._free:
                self._in_flight -= 1
                self._free.notify_all()

    def succeeded(self, started: float, used_share: float | None = None) -> None:
        """Learn from a good answer; `used_share` is the service's own figure of its limit, if any."""
        if used_share is not None and used_share >= _NEAR_THE_WALL:
            self._cut(started, 0.8)
        else:
            self._limit = min(self._ceiling, self._limit + 1.0 / self._limit)

    def throttled(self, started: float, retry_after: float) -> None:
        """Learn from a 429 or 503: everybody waits `retry_after` seconds, then at half the speed."""
        self._paused_until = max(self._paused_until, self._clock.monotonic() + retry_after)
        self._cut(started, 0.5)

    def _cut(self, started: float, factor: float) -> None:
        # Calls that started before the last cut tell nothing about the speed after it.
        if started > self._last_cut:
            self._limit = max(1.0, self._limit * factor)
            self._last_cut = self._clock.monotonic()
