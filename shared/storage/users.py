"""Table `users`: the last known state of each user that the system attempted.

Partition: the first hex digit of the user id, so that one user is a point read and a full read is
16 parallel range scans. Row: the user id.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from shared.domain.changes import is_credible
from shared.domain.history import HistoryEvent
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Signal
from shared.domain.saved import KnownUser
from shared.errors import StorageError, UnreadableRowError
from shared.storage.outcomes import EXACT, decode_outcome, encode_outcome
from shared.storage.rows import DIGITS, clipped, field
from shared.storage.tables import Table

_NAME: Final = "users"
_TRIES: Final = 5
_COLUMNS: Final = (
    "RowKey",
    "outcome",
    EXACT,
    "reason",
    "moved_at",
    "looked_at",
    "old_provider",
    "moved_run",
    "bridge_run",
    "bridge_changed_at",
    "began_at",
    "number_changed_at",
    "elsewhere_at",
)


class UserTable:
    """Reader and writer of table `users`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def known(self, user_id: str) -> KnownUser | None:
        """Return the user's row, or None when there was no attempt at the user.

        A row that cannot be read counts as none: the next attempt's outcome is written over it.
        """
        try:
            return await self._table.find(user_id[0], user_id, _decode)
        except UnreadableRowError:
            return None

    async def record_result(
        self,
        result: UserResult,
        signal: Signal,
        now: datetime,
        run: str | None = None,
        *,
        began: datetime | None = None,
    ) -> None:
        """Write the outcome of an attempt. The date and the old provider of a move survive later attempts.

        began: when it began (now, if not given). An attempt that began before the one that is recorded
        does not replace its outcome, unless that is said to have begun in the future; a move is recorded
        whenever it comes.
        """
        began = began or now
        keys = {"PartitionKey": result.user_id[0], "RowKey": result.user_id}
        outcome: dict[str, Any] = {
            **encode_outcome(result.outcome),
            "reason": clipped(result.reason),
            "cause": str(signal),
            "looked_at": now,
            "began_at": began,
        }
        if result.found_elsewhere:
            outcome["elsewhere_at"] = began
        lasting: dict[str, Any] = {}
        # Not before it began, by the clock of whoever began it: then it would count as not recorded.
        changed_at = max(now, result.change.began_at) if result.change else now
        if result.upn:
            lasting["upn"] = result.upn
        if result.outcome is Outcome.MOVED:
            lasting["moved_at"] = changed_at
            lasting["old_provider"] = result.old_provider or ""
            lasting["moved_run"] = run or ""
        if result.outcome is Outcome.BRIDGE_CHANGED:
            lasting["bridge_changed_at"] = changed_at
            lasting["bridge_run"] = run or ""
        if result.change and result.change.what is HistoryEvent.NUMBER_CHANGED:
            lasting["number_changed_at"] = changed_at
        # Who is moved by a first signal has no row in most cases: a request less.
        row, is_known = None, result.outcome is not Outcome.MOVED or signal is Signal.RECHECK
        for _ in range(_TRIES):
            if is_known:
                row = await self._table.get(keys["PartitionKey"], keys["RowKey"])
            is_known = True
            if row is None and result.outcome is Outcome.NOT_FOUND:
                return  # of an id that nobody knows, and that anybody may have named, nothing is kept
            if row is None:
                written = await self._table.insert({**keys, **outcome, **lasting})
            else:
                known = row.get("began_at")
                later = isinstance(known, datetime) and known > began and is_credible(known, now)
                entity = {**keys, **lasting} if later else {**keys, **outcome, **lasting}
                written = await self._table.merge_if_unchanged(entity, str(row.metadata["etag"]))
            if written:
                return
        raise StorageError(f"record user in table {_NAME}", "others keep writing the row")

    async def all(self) -> AsyncIterator[KnownUser]:
        """Yield every user, partition by partition."""
        for digit in DIGITS:
            text, given = "PartitionKey eq @digit", {"digit": digit}
            async for user in self._table.read(text, given, _decode, _COLUMNS):
                yield user


def _decode(row: dict[str, Any]) -> KnownUser:
    return KnownUser(
        field(row, "RowKey", str),
        decode_outcome(row),
        field(row, "reason", str),
        field(row, "moved_at", datetime, None),
        field(row, "looked_at", datetime, None),
        field(row, "old_provider", str, None),
        field(row, "moved_run", str, "") or None,
        field(row, "bridge_run", str, "") or None,
        field(row, "bridge_changed_at", datetime, None),
        field(row, "began_at", datetime, None),
        field(row, "number_changed_at", datetime, None),
        field(row, "elsewhere_at", datetime, None),
    )
