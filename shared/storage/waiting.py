"""Table `waiting`: users to be tried again, and users who need attention.

Partition `due` or `attention`: each list is one range scan. Row: the user id.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from shared.domain.retry import Waiting, WaitReason
from shared.storage.tables import Table

_DUE = "due"
_ATTENTION = "attention"


class WaitingTable:
    """Reads and writes waiting users."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def find_waiting(self, user_id: str) -> Waiting | None:
        """Return the user's row from either list, or None."""
        row = await self._table.get(_DUE, user_id) or await self._table.get(_ATTENTION, user_id)
        return _decode(dict(row)) if row else None

    async def save_waiting(self, waiting: Waiting) -> None:
        """Write the user's row; it leaves the other list."""
        here, there = (_ATTENTION, _DUE) if waiting.needs_attention else (_DUE, _ATTENTION)
        entity: dict[str, Any] = {
            "PartitionKey": here,
            "RowKey": waiting.user_id,
            "upn": waiting.upn,
            "cause": str(waiting.cause),
            "reason": waiting.reason,
            "since": waiting.since,
            "looked_at": waiting.looked_at,
            "attempt": waiting.attempt,
            "failures": waiting.failures,
            "reprocessed": waiting.reprocessed,
            "operation": waiting.operation,
        }
        if waiting.due is not None:
            entity["due"] = waiting.due
        await self._table.replace(entity)
        await self._table.delete(there, waiting.user_id)

    async def remove_waiting(self, user_id: str, looked_at: datetime) -> Waiting | None:
        """Take the user off both lists, unless an attempt later than `looked_at` put the user there.

        Return the user's row as it was, or None when there was none to take off.
        """
        removed = None
        for name in (_DUE, _ATTENTION):
            row = await self._table.get(name, user_id)
            if row is not None and row["looked_at"] <= looked_at:
                await self._table.delete_if_unchanged(row)
                removed = _decode(dict(row))
        return removed

    async def claim(self, user_id: str, until: datetime) -> None:
        """Keep a due user from being due again before `until`; no row: nothing happens."""
        await self._table.update({"PartitionKey": _DUE, "RowKey": user_id, "due": until})

    async def due(self, now: datetime) -> AsyncIterator[Waiting]:
        """Yield the users whose time has come."""
        query = self._table.query(
            "PartitionKey eq @list and due le @now", {"list": _DUE, "now": now}
        )
        async for row in query:
            yield _decode(dict(row))

    async def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the users who wait, due or not."""
        async for row in self._table.query("PartitionKey eq @list", {"list": _DUE}):
            yield _decode(dict(row))

    async def attention(self) -> AsyncIterator[Waiting]:
        """Yield the users who need attention."""
        async for row in self._table.query("PartitionKey eq @list", {"list": _ATTENTION}):
            yield _decode(dict(row))


def _decode(row: dict[str, Any]) -> Waiting:
    return Waiting(
        user_id=row["RowKey"],
        upn=row.get("upn", ""),
        cause=WaitReason(row["cause"]),
        reason=row["reason"],
        since=row["since"],
        due=row.get("due"),
        looked_at=row["looked_at"],
        attempt=row["attempt"],
        failures=row["failures"],
        reprocessed=row.get("reprocessed", False),
        operation=row.get("operation", ""),
    )
