"""Table `users`: the last known state of each user that the system attempted.

Partition: the first hex digit of the user id, so that one user is a point read and a full read is
16 parallel range scans. Row: the user id.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Signal
from shared.domain.saved import KnownUser
from shared.storage.outcomes import EXACT, decode_outcome, encode_outcome
from shared.storage.tables import Table

_SELECTED: Final = (
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
)


class UserTable:
    """Reader and writer of table `users`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def known(self, user_id: str) -> KnownUser | None:
        """Return the user's row, or None when there was no attempt at the user."""
        row = await self._table.get(user_id[0], user_id)
        return self._table.decoded(row, _decode) if row else None

    async def record_result(
        self, result: UserResult, signal: Signal, now: datetime, run: str | None = None
    ) -> None:
        """Write the outcome of an attempt. The date and the old provider of a move survive later attempts."""
        entity: dict[str, Any] = {
            "PartitionKey": result.user_id[0],
            "RowKey": result.user_id,
            **encode_outcome(result.outcome),
            "reason": result.reason,
            "cause": str(signal),
            "looked_at": now,
        }
        if result.upn:
            entity["upn"] = result.upn
        if result.outcome is Outcome.MOVED:
            entity["moved_at"] = now
            entity["old_provider"] = result.old_provider or ""
            entity["moved_run"] = run or ""
        if result.outcome is Outcome.BRIDGE_CHANGED:
            entity["bridge_changed_at"] = now
            entity["bridge_run"] = run or ""
        await self._table.merge(entity)

    async def all(self) -> AsyncIterator[KnownUser]:
        """Yield every user, partition by partition."""
        for digit in "0123456789abcdef":
            text, digits = "PartitionKey eq @digit", {"digit": digit}
            async for known in self._table.read(text, digits, _decode, _SELECTED):
                yield known


def _decode(row: dict[str, Any]) -> KnownUser:
    return KnownUser(
        row["RowKey"],
        decode_outcome(row),
        row["reason"],
        row.get("moved_at"),
        row.get("looked_at"),
        row.get("old_provider"),
        row.get("moved_run") or None,
        row.get("bridge_run") or None,
        row.get("bridge_changed_at"),
    )
