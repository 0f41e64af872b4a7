"""Adaptive limiter: concurrent calls to one service, their rate, and pauses that the service asks for.

One limiter per service and process. Instances share only the service's answers: each slows down by a
factor when the service throttles and speeds up by steps when it does not, so that several of them
settle on a fair share: a heavier caller is throttled more often, and grows by no larger steps. If the
service is fast, one call at a time can already be too much: so besides the calls in flight, their rate
is limited as well, from the first throttled answer on.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from shared.clock import Clock

_NEAR_THE_WALL: Final = 0.8
"""From this share on, Graph reports how much of its limit is used (Graph throttling guidance)."""

_CUT: Final = 0.8
_EASE: Final = 0.95
"""Factors: after a throttled answer, and near the limit."""

_WELL_BELOW: Final = 0.95
_CATCH_UP: Final = 0.2
"""Growth of the rate per second while it is well below the rate that was last refused."""

_STEP: Final = 0.00005
_SMALL_STEP: Final = 0.00005
"""Growth per good answer near that rate: calls per second, and at most this share of the rate."""

_CALM: Final = 4.0
_DOUBLINGS: Final = 14.0
_FASTEST: Final = 0.2
"""The step doubles after so many seconds without a refusal, so often at most, and until the rate grows by
this share a second: in seconds, not in answers, so that who has little soon takes what others leave."""

_IDLE: Final = 10.0
"""Seconds without an answer that count at most: what is not used says nothing about the service."""

_LOWEST_RATE: Final = 0.1

_APART: Final = 0.8
_APART_AT_MOST: Final = 0.1
"""Between two calls on credit: of the time that a call has, and seconds. A storage that stood still for a
second would let all that were read meanwhile be set in one moment."""


class LongPauseError(Exception):
    """The service asked for a longer pause than the caller waits; `seconds` of it are left."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class LateError(Exception):
    """The turn did not come in the time that the caller had."""


class Turnstile:
    """A lock that one caller holds at a time; those who are `first` pass before the others."""

    def __init__(self) -> None:
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())
        self._held = False

    @asynccontextmanager
    async def pass_(self, *, first: bool) -> AsyncIterator[None]:
        """Wait for the turnstile and hold it."""
        if self._held:
            turn = asyncio.get_running_loop().create_future()
            queue = self._waiting[0 if first else 1]
            queue.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._hand_on()  # it was ours already
                else:
                    with suppress(ValueError):  # whoever handed on has passed over it
                        queue.remove(turn)
                raise
        self._held = True
        try:
            yield
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        for queue in self._waiting:
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._held = False


class Limiter:
    """Hands out slots for calls, those that are `first` before the others; learns from the answers.

    A call that has a deadline takes its turn at once, on credit: the others make up for it. So a user
    who was read is set right after that, however few calls a second there are.

    ceiling: calls in flight that are never exceeded.
    """

    def __init__(self, clock: Clock, ceiling: int) -> None:
        self._clock = clock
        self._ceiling = float(ceiling)
        self._limit = float(ceiling)
        self._rate: float | None = None
        self._wall = float("inf")
        self._in_flight = 0
        self._hurried = 0
        self._paused_until = float("-inf")
        self._next_turn = float("-inf")
        self._next_hurried = float("-inf")
        self._last_cut = float("-inf")
        self._grown_at = float("-inf")
        self._starts: deque[float] = deque(maxlen=1_000)
        self._turnstile = Turnstile()
        self._freed = asyncio.Event()

    @property
    def limit(self) -> int:
        """Calls that may be in flight now."""
        return max(1, int(self._limit))

    @property
    def rate(self) -> float | None:
        """Calls per second now; None: not limited, because the service never throttled."""
        return self._rate

    def pause_left(self) -> float:
        """Seconds until the service may be called again; 0 when it may be called now."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    @asynccontextmanager
    async def slot(
        self,
        longest_pause: float = float("inf"),
        *,
        first: bool = False,
        within: float | None = None,
    ) -> AsyncIterator[float]:
        """Wait for a turn and hold it; yields the time it was given, to report with the answer.

        first: before callers that are not. LongPauseError: the service asked for a pause of which
        more than `longest_pause` s are left. within: seconds in which the turn must come, at once unless
        the service asked for a pause; LateError: it did not.
        """
        if within is None:
            async with self._turnstile.pass_(first=first):
                await self._turn(longest_pause)
                started = self._start()
        else:
            await self._hurry(longest_pause, self._clock.monotonic() + within)
            started = self._start()
        try:
            yield started
        finally:
            self._in_flight -= 1
            self._freed.set()

    def succeeded(self, started: float, used_share: float | None = None) -> None:
        """Record a good answer; `used_share` is the used share of its limit, if the service reports it."""
        if used_share is not None and used_share >= _NEAR_THE_WALL:
            self._slow_down(started, _EASE)
            return
        self._limit = min(self._ceiling, self._limit + 1.0 / self._limit)
        self._speed_up(started)

    def throttled(self, started: float, retry_after: float) -> None:
        """Record a 429 or 503: all calls wait `retry_after` seconds and are slower afterwards."""
        self._paused_until = max(self._paused_until, self._clock.monotonic() + retry_after)
        self._slow_down(started, _CUT)

    async def _turn(self, longest_pause: float) -> None:
        while True:
            now = self._clock.monotonic()
            if (pause := self.pause_left()) > longest_pause:
                raise LongPauseError(pause)
            wait = max(0.0, pause, self._next_turn - now)
            if self._in_flight + self._hurried >= self.limit:
                self._freed.clear()
                await self._freed.wait()
            elif wait > 0:
                await self._clock.sleep(wait)
            else:
                return

    async def _hurry(self, longest_pause: float, deadline: float) -> None:
        """Wait while the service asks for a pause, every slot is taken, or another has just gone ahead."""
        self._hurried += 1
        try:
            while True:
                pause = self.pause_left()
                if pause > longest_pause:
                    raise LongPauseError(pause)
                now = self._clock.monotonic()
                wait = max(pause, self._next_hurried - now)
                if now + wait > deadline:
                    raise LateError
                if self._in_flight >= self.limit:
                    self._freed.clear()
                    async with asyncio.timeout(deadline - self._clock.monotonic()):
                        await self._freed.wait()
                elif wait > 0:
                    await self._clock.sleep(wait)
                else:
                    if self._rate is not None:
                        apart = min(_APART_AT_MOST, _APART / self._rate)
                        self._next_hurried = self._clock.monotonic() + apart
                    return
        except TimeoutError:
            raise LateError from None
        finally:
            self._hurried -= 1
            self._freed.set()

    def _start(self) -> float:
        now = self._clock.monotonic()
        self._starts.append(now)
        if self._rate is not None:
            self._next_turn = max(now, self._next_turn) + 1.0 / self._rate
        self._in_flight += 1
        return now

    def _slow_down(self, started: float, factor: float) -> None:
        # Calls that started before the last cut say nothing about the speed after it.
        if started <= self._last_cut:
            return
        self._last_cut = self._grown_at = self._clock.monotonic()
        self._limit = max(1.0, self._limit * factor)
        if self._rate is None:
            # It may have been a burst that was refused: the rate grows fast until the next refusal.
            self._rate = max(1.0, self._used_since(self._last_cut - 1.0))
        elif self._wall == float("inf"):
            # It grew so fast that it was far above by the time of the refusal.
            self._wall = self._rate * factor
        else:
            self._wall = self._rate
        self._rate = max(_LOWEST_RATE, self._rate * factor)

    def _speed_up(self, started: float) -> None:
        if self._rate is None:
            return
        now = self._clock.monotonic()
        if self._used_since(started - max(1.0, 2.0 / self._rate)) < self._rate / 2:
            # A rate that is not used says nothing about what the service would accept.
            self._grown_at = now
            return
        # A pause is no calm, and no time in which anything was tried.
        calm = max(0.0, now - max(self._last_cut, self._paused_until))
        passed = min(_IDLE, calm, now - self._grown_at)
        near = _WELL_BELOW * self._wall
        if self._rate < near:
            self._rate = min(near, self._rate * (1.0 + _CATCH_UP * passed))
        else:
            step = min(_STEP, _SMALL_STEP * self._rate) * 2.0 ** min(_DOUBLINGS, calm // _CALM)
            self._rate += min(step, _FASTEST * self._rate * passed)
        self._grown_at = now

    def _used_since(self, since: float) -> float:
        """Return how many calls a second have started since then; older ones are forgotten."""
        while self._starts and self._starts[0] < since:
            self._starts.popleft()
        return len(self._starts) / max(1.0, self._clock.monotonic() - since)
