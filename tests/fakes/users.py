"""Tables `users` and `history`, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.changes import is_credible
from shared.domain.history import CHANGES, HistoryEvent, HistoryRecord
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Signal
from shared.domain.saved import KnownUser
from shared.errors import (
    StorageError,
)


@dataclass
class FakeUsers:
    """Recorded outcomes; users in `down` cannot be recorded."""

    results: dict[str, UserResult] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    moved: dict[str, datetime] = field(default_factory=dict)
    old_provider: dict[str, str] = field(default_factory=dict)
    moved_run: dict[str, str | None] = field(default_factory=dict)
    bridged: dict[str, datetime] = field(default_factory=dict)
    bridge_run: dict[str, str | None] = field(default_factory=dict)
    looked_at: dict[str, datetime] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)
    numbered: dict[str, datetime] = field(default_factory=dict)
    elsewhere: dict[str, datetime] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)
    """What led to the last attempt at each."""

    async def known(self, user_id: str) -> KnownUser | None:
        result = self.results.get(user_id)
        if result is None:
            return None
        moved, looked = self.moved.get(user_id), self.looked_at.get(user_id)
        return KnownUser(
            user_id,
            result.outcome,
            result.reason,
            moved,
            looked,
            self.old_provider.get(user_id),
            self.moved_run.get(user_id),
            self.bridge_run.get(user_id),
            self.bridged.get(user_id),
            self.began.get(user_id),
            self.numbered.get(user_id),
            self.elsewhere.get(user_id),
        )

    async def record_result(
        self,
        result: UserResult,
        signal: Signal,
        now: datetime,
        run: str | None = None,
        *,
        began: datetime | None = None,
    ) -> None:
        if result.user_id in self.down:
            raise StorageError("write in table users", "HttpResponseError")
        if result.outcome is Outcome.NOT_FOUND and result.user_id not in self.results:
            return
        self.signals[result.user_id] = signal
        began = began or now
        known = self.began.get(result.user_id, began)
        if known <= began or not is_credible(known, now):
            self.results[result.user_id] = result
            self.looked_at[result.user_id] = now
            self.began[result.user_id] = began
            if result.found_elsewhere:
                self.elsewhere[result.user_id] = began
        if result.outcome is Outcome.MOVED:
            self.moved[result.user_id] = now
            self.moved_run[result.user_id] = run
            self.old_provider[result.user_id] = result.old_provider or ""
        if result.outcome is Outcome.BRIDGE_CHANGED:
            self.bridged[result.user_id] = now
            self.bridge_run[result.user_id] = run
        if result.change and result.change.what is HistoryEvent.NUMBER_CHANGED:
            self.numbered[result.user_id] = now


@dataclass
class FakeHistory:
    """Records of each user, the newest last; those of users in `down` are not written."""

    records: dict[tuple[str, datetime, HistoryEvent], HistoryRecord] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    writes: int = 0

    async def add(self, record: HistoryRecord) -> None:
        if record.user_id in self.down:
            raise StorageError("insert in table history", "HttpResponseError")
        self.writes += 1
        what = HistoryEvent.MOVED if record.what in CHANGES else record.what
        self.records.setdefault((record.user_id, record.at, what), record)

    async def page(
        self, users: Sequence[str], limit: int, after: str = ""
    ) -> tuple[list[HistoryRecord], str | None]:
        found = sorted(
            (each for each in self.records.values() if each.user_id in users),
            key=lambda each: each.at,
            reverse=True,
        )
        begin = int(after) if after.isdecimal() else len(found) if after else 0
        more = str(begin + limit) if len(found) > begin + limit else None
        return found[begin : begin + limit], more

    async def has_move_until(self, user: str, moment: datetime) -> bool:
        return any(
            each.user_id == user and each.what is HistoryEvent.MOVED and each.at <= moment
            for each in self.records.values()
        )

    def of(self, user_id: str) -> list[HistoryRecord]:
        """The records of a user, the oldest first."""
        found = (each for each in self.records.values() if each.user_id == user_id)
        return sorted(found, key=lambda each: each.at)
