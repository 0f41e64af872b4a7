"""The way to Graph or Teams: the app's own limiter, the service's throttling, the client's retries.

It says what `shared.clients.http.ServiceClient` says to the services: it tries again what is transient,
waits while the service asks for it, and raises RetryLaterError for a longer pause.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.clients.limiter import LateError, Limiter, LongPauseError
from shared.errors import (
    AccessDeniedError,
    LateTurnError,
    RetryLaterError,
    ServiceError,
    ThrottledError,
    TransientError,
    UnreachableError,
)
from tests.simulation.fate import Gate, Process

_LONGEST_WAIT = 120.0


@dataclass
class Throttle:
    """How many calls a second a service takes from everybody; more get a 429. pause: its Retry-After."""

    rate: float = float("inf")
    pause: float = 1.0
    refused: int = 0
    on_rude: Callable[[str, str], None] = lambda _process, _facts: None
    _calls: deque[float] = field(default_factory=deque)

    def refuses(self) -> bool:
        """Count a call, and return whether it was one too many."""
        now = asyncio.get_running_loop().time()
        while self._calls and self._calls[0] < now - 10:
            self._calls.popleft()
        if len(self._calls) >= 10 * self.rate:
            self.refused += 1
            return True
        self._calls.append(now)
        return False


class Line:
    """One process's way to one service."""

    def __init__(
        self,
        name: str,
        gate: Gate,
        process: Process,
        *,
        throttle: Throttle,
        rng: random.Random,
        in_flight: int,
    ) -> None:
        self.name = name
        self._gate = gate
        self.process = process
        self._throttle = throttle
        self._rng = rng
        self._limiter = Limiter(process.clock, in_flight)
        self._asked = (0.0, 0.0)
        """When this process was last asked to wait, and until when."""

    async def call[T](
        self,
        operation: str,
        effect: Callable[[], T],
        tries: int = 5,
        *,
        first: bool = False,
        within: float | None = None,
    ) -> T:
        """Make a call, again where that helps; the errors are those of our tree."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(operation, effect, first=first, within=within)
            except (RetryLaterError, LateTurnError):
                raise
            except TransientError:
                if attempt >= tries:
                    raise
            longest = min(20.0, 0.5 * 2 ** (attempt - 1))
            await asyncio.sleep(self._rng.uniform(0, longest))

    def _check_pause(self) -> None:
        now, (since, until) = asyncio.get_running_loop().time(), self._asked
        if since < now < until - 0.001:
            facts = f"calls {self.name} at {now:.1f} s; it was asked to wait until {until:.1f} s"
            self._throttle.on_rude(self.process.name, facts)

    async def _once[T](
        self, operation: str, effect: Callable[[], T], *, first: bool, within: float | None
    ) -> T:
        site = f"{self.name.lower()}.{operation}"

        def checked() -> T:
            if self._throttle.refuses():
                raise ThrottledError(self.name, operation, "HTTP 429", status=429)
            return effect()

        def error() -> ServiceError:
            if self._gate.is_denied(site):
                return AccessDeniedError(self.name, operation, "HTTP 403", status=403)
            return UnreachableError(self.name, operation, "ReadTimeout")

        try:
            slot = self._limiter.slot(_LONGEST_WAIT, first=first, within=within)
            async with slot as started:
                self._check_pause()
                try:
                    answer = await self._gate.call(self.process, site, checked, error)
                except ThrottledError:
                    self._limiter.throttled(started, self._throttle.pause)
                    now = asyncio.get_running_loop().time()
                    self._asked = now, now + self._throttle.pause
                    raise
                self._limiter.succeeded(started)
                return answer
        except LongPauseError as pause:
            raise RetryLaterError(self.name, operation, pause.seconds) from None
        except LateError:
            raise LateTurnError(self.name, operation, "no turn in time") from None
