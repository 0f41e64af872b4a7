"""Health check: whether storage, Graph and Teams answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from shared.clock import Clock
from shared.errors import AcpError
from shared.telemetry.events import Unhealthy
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_FRESH: Final = 10.0
"""Seconds for which an answer is cached: the address is public and must not be a way to load Graph."""

_PATIENCE: Final = 5.0
"""Time limit of one check, in seconds."""


class Health:
    """Runs the named checks in parallel. A check raises AcpError when its part is unhealthy."""

    def __init__(
        self,
        checks: Mapping[str, Callable[[], Awaitable[None]]],
        clock: Clock,
        log: EventLog,
        pause: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._checks = checks
        self._clock = clock
        self._log = log
        self._pause = pause
        self.paused = False
        """Whether changes were paused at the last check, as far as the storage said."""
        self._known: dict[str, str] = {}
        self._known_at = float("-inf")
        self._checking = asyncio.Lock()

    @traced
    async def check(self) -> dict[str, str]:
        """Return `ok` or `failing` for each part; the reasons are in the log, not in the answer."""
        async with self._checking:
            if self._clock.monotonic() - self._known_at > _FRESH:
                answers = await asyncio.gather(*map(self._one, self._checks))
                self._known = dict(zip(self._checks, answers, strict=True))
                self.paused = await self._is_paused()
                self._known_at = self._clock.monotonic()
            return dict(self._known)

    async def _is_paused(self) -> bool:
        try:
            return bool(self._pause and await asyncio.wait_for(self._pause(), _PATIENCE))
        except (AcpError, TimeoutError):
            return False  # nobody is changed then either, and the storage is reported as failing

    async def _one(self, name: str) -> str:
        try:
            await asyncio.wait_for(self._checks[name](), _PATIENCE)
        except (AcpError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            self._log.write(Unhealthy(part=name, reason=reason))
            return "failing"
        return "ok"
