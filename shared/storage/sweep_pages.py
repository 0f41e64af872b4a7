"""Table `plans`: the findings of each page of a sweep, so that a sweep resumes where it stopped.

Partition: the run. Row: the page's number. User ids are packed, 16 bytes each; a property has
at most 64 KiB (Azure Tables data model), a page at most 1,000 users.
"""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from shared.domain.run import SweepPage
from shared.storage.tables import Table


class SweepPageTable:
    """Reader and writer of the pages of sweeps."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save_sweep_page(self, run: str, page: SweepPage) -> None:
        """Write a page; the same page again replaces it."""
        await self._table.replace(
            {
                "PartitionKey": run,
                "RowKey": f"{page.number:06d}",
                "licensed": _pack(page.licensed),
                "to_queue": _pack(page.to_queue),
                "sent": page.sent,
            }
        )

    async def mark_sent(self, run: str, number: int) -> None:
        """Mark the page's users as queued."""
        await self._table.update({"PartitionKey": run, "RowKey": f"{number:06d}", "sent": True})

    async def delete(self, run: str) -> None:
        """Delete the run's pages."""
        await self._table.delete_all(run)

    async def pages(self, run: str) -> AsyncIterator[SweepPage]:
        """Yield the run's pages in order."""
        async for row in self._table.query("PartitionKey eq @run", {"run": run}):
            yield SweepPage(
                int(row["RowKey"]), _unpack(row["licensed"]), _unpack(row["to_queue"]), row["sent"]
            )


def _pack(users: Sequence[str]) -> bytes:
    return b"".join(UUID(user).bytes for user in users)


def _unpack(data: bytes) -> list[str]:
    return [str(UUID(bytes=data[at : at + 16])) for at in range(0, len(data), 16)]
