"""Acknowledge users who need attention: a person knows of them, and who it was is recorded."""

from collections.abc import Sequence
from typing import Final

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.history import HistoryEvent, HistoryRecord
from shared.domain.pause import RequestedBy
from shared.services.ports import History, WaitingUsers

_AT_ONCE: Final = 16


class Acknowledger:
    """Acknowledges users."""

    def __init__(self, waiting: WaitingUsers, history: History, clock: Clock) -> None:
        self._waiting = waiting
        self._history = history
        self._clock = clock

    async def acknowledge(self, users: Sequence[str], by: RequestedBy) -> int:
        """Acknowledge users; return how many of them needed attention. They stay on the list."""
        return sum(await gather_bounded((self._acknowledge(user, by) for user in users), _AT_ONCE))

    async def _acknowledge(self, user_id: str, by: RequestedBy) -> bool:
        now = self._clock.now()
        row = await self._waiting.acknowledge(user_id, str(by), now)
        if row is None:
            return False
        what = HistoryEvent.ACKNOWLEDGED
        await self._history.add(
            HistoryRecord(
                user_id,
                what,
                now,
                row.upn,
                by=str(by),
                ticket=by.ticket,
                note=by.note,
                reason=row.reason,
            )
        )
        return True
