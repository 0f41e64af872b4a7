"""Table `guard`: who was changed within the guard's window, one row per user.

Partition: the ledger (`replaced`, `enabled`, or a run whose request names a number). Row: the slot's
number. There are never more rows in a ledger than the limit permits, because slots are used again.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from shared.domain.guard import Slot
from shared.storage.rows import field
from shared.storage.tables import ETAG, Table


class GuardTable:
    """Reader and writer of table `guard`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def slots(self, ledger: str) -> AsyncIterator[tuple[int, Slot]]:
        """Yield the taken slots of a ledger with their numbers. StorageError: not known."""
        async for row in self._table.query("PartitionKey eq @ledger", {"ledger": ledger}):
            # A damaged row is not passed over: whom it counted would not count.
            yield self._table.decode(row, _decode)

    async def take(
        self, ledger: str, number: int, user_id: str, at: datetime, before: Slot | None
    ) -> bool:
        """Take a slot; False: somebody else just has. before: who had it, None: nobody yet."""
        row = {"PartitionKey": ledger, "RowKey": f"{number:07d}", "user": user_id, "at": at}
        if before is None:
            return bool(await self._table.insert(row))
        return bool(await self._table.replace_if_unchanged(row, before.etag))


def _decode(row: dict[str, Any]) -> tuple[int, Slot]:
    slot = Slot(field(row, "user", str), field(row, "at", datetime), field(row, ETAG, str))
    return int(field(row, "RowKey", str)), slot
