"""Queue the waiting users who are due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.concurrency import gather_bounded, grouped
from shared.domain.messages import USERS_PER_MESSAGE, move_messages
from shared.domain.retry import DueUser
from shared.domain.run import Mode, Signal
from shared.errors import StorageError
from shared.services.ports import Queue, State, WaitingUsers
from shared.telemetry.events import ClaimFailed, Rechecked
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, traced

_CLAIM: Final = timedelta(hours=1)
"""Time before a queued user may be queued again: the attempt has happened or its message is lost."""

_SLICE: Final = timedelta(seconds=30)
"""How long one run claims users; the others stay due for the next, a minute later."""

_IN_FLIGHT: Final = 16
_PAGE: Final = 5 * USERS_PER_MESSAGE
"""Users claimed before their messages are sent: so many wait for the end of their claims after a crash."""


class Rechecker:
    """Turns due rows of the waiting list into queue messages, page by page."""

    def __init__(
        self,
        waiting: WaitingUsers,
        queue: Queue,
        mode: Mode,
        clock: Clock,
        log: EventLog,
        *,
        state: State,
    ) -> None:
        self._waiting = waiting
        self._state = state
        self._queue = queue
        self._mode = mode
        self._clock = clock
        self._log = log

    @traced
    async def recheck(self) -> int:
        """Queue the users who are due; return how many.

        A user is claimed first, so that the next run does not queue it again while the queue is
        long; one who cannot be claimed stays due and delays nobody. A crash in between only delays
        the user: the claim ends by itself. While changes are paused everybody stays due.
        StorageError: the list or the queue did not answer.
        """
        if await self._state.pause():
            return 0
        now = self._clock.now()
        queued = 0
        async for page in grouped(self._waiting.due(now), _PAGE):
            queued += await self._queue_page(page, now)
            if self._clock.now() >= now + _SLICE:
                break
        if queued:
            self._log.write(Rechecked(queued=queued))
        return queued

    async def _queue_page(self, users: Sequence[DueUser], now: datetime) -> int:
        claims: dict[str, bool | None] = {}
        claiming = (self._claim(user, now, claims) for user in users)
        try:
            await gather_bounded(claiming, _IN_FLIGHT)
        finally:
            # Also when the tick's slice is over: who is claimed and not queued would wait for an hour.
            ours = [user.user_id for user in users if claims.get(user.user_id)]
            messages = move_messages(Signal.RECHECK, ours, mode=self._mode, operation=current_id())
            await self._queue.send(list(messages))
        if failed := list(claims.values()).count(None):
            self._log.write(ClaimFailed(users=failed))
        return len(ours)

    async def _claim(self, user: DueUser, now: datetime, claims: dict[str, bool | None]) -> None:
        """Note whether the user is ours to queue; None: the table did not answer."""
        try:
            claims[user.user_id] = await self._waiting.claim(user, now + _CLAIM)
        except StorageError:
            claims[user.user_id] = None
