"""Queue the waiting users who are due."""

from datetime import timedelta
from typing import Final

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.messages import move_messages
from shared.domain.run import Signal
from shared.services.ports import Queue, WaitingUsers
from shared.telemetry.events import Rechecked
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, traced

_CLAIM: Final = timedelta(hours=1)
"""Time before a queued user may be queued again: the attempt has happened or its message is lost."""

_IN_FLIGHT: Final = 16


class Rechecker:
    """Turns due rows of the waiting list into queue messages."""

    def __init__(self, waiting: WaitingUsers, queue: Queue, clock: Clock, log: EventLog) -> None:
        self._waiting = waiting
        self._queue = queue
        self._clock = clock
        self._log = log

    @traced
    async def recheck(self) -> int:
        """Queue every due user; return how many.

        A user is claimed first, so that the next run does not queue it again while the queue is
        long. A crash in between only delays the user: the claim expires.
        """
        now = self._clock.now()
        due = [row.user_id async for row in self._waiting.due(now)]
        await gather_bounded((self._waiting.claim(user, now + _CLAIM) for user in due), _IN_FLIGHT)
        await self._queue.send(list(move_messages(Signal.RECHECK, due, operation=current_id())))
        if due:
            self._log.write(Rechecked(queued=len(due)))
        return len(due)
