"""The saved conference IDs of a user: whoever reads them is logged and recorded."""

from shared.clock import Clock
from shared.domain.history import HistoryEvent, HistoryRecord
from shared.domain.pause import RequestedBy
from shared.domain.saved import ReplacedProvider
from shared.services.admin.reasons import record_action
from shared.services.ports import History, ReplacedProviders, State
from shared.telemetry.events import ConferenceIdsRead
from shared.telemetry.log import EventLog


class SavedIds:
    """Reads what was saved of one user, for a person."""

    def __init__(
        self,
        replaced: ReplacedProviders,
        history: History,
        state: State,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._replaced = replaced
        self._history = history
        self._state = state
        self._clock = clock
        self._log = log

    async def read(self, user_id: str, by: RequestedBy) -> list[ReplacedProvider]:
        """Return the saved records of a user. StorageError: also where the reading cannot be recorded."""
        records = await self._replaced.of(user_id)
        user = self._log.who(user_id)
        self._log.write(ConferenceIdsRead(by=str(by), user=user, records=len(records)))
        what = "read conference IDs"
        await record_action(self._state, self._clock, what, by, "of one user")
        await self.record(user_id, by, records[-1].upn if records else "")
        return records

    async def record(self, user_id: str, by: RequestedBy, upn: str = "") -> None:
        """Add to a user's history that somebody reads the saved conference IDs."""
        what, now = HistoryEvent.IDS_READ, self._clock.now()
        record = HistoryRecord(user_id, what, now, upn, by=str(by), ticket=by.ticket, note=by.note)
        await self._history.add(record)
