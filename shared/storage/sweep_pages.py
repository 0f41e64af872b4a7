"""Table `plans`: the findings of each page of a sweep, so that a sweep resumes where it stopped.

Partition: the run. Row: the page's number. User ids are packed, 16 bytes each; a property has
at most 64 KiB (Azure Tables data model), a page at most 1,000 users.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from shared.domain.run import SweepPage
from shared.errors import StaleError
from shared.storage.rows import field
from shared.storage.tables import Table
from shared.text import packed, unpacked

_TRIES: Final = 5
_AT_ONCE: Final = 32
"""Rows that are read at once: a thousand of them took 20 MB."""


class SweepPageTable:
    """Reader and writer of the pages of sweeps."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save_sweep_page(self, run: str, page: SweepPage) -> None:
        """Write a page; the same page again adds to it, so that no writer drops another's users.

        A sweep that resumes reads a page again, and so may one that stood still past its lease.
        """
        for _ in range(_TRIES):
            if await self._table.insert(_row(run, page)):
                return
            known = await self._table.get(run, f"{page.number:06d}")
            if known is None:
                continue
            old = self._table.decode(known, _decode)
            both = SweepPage(
                page.number,
                list(dict.fromkeys([*old.licensed, *page.licensed])),
                list(dict.fromkeys([*old.to_queue, *page.to_queue])),
            )
            etag = str(known.metadata["etag"])
            if await self._table.replace_if_unchanged(_row(run, both), etag):
                return
        raise StaleError(f"run {run!r}: others keep writing page {page.number}")

    async def mark_sent(self, run: str, number: int) -> None:
        """Mark the page's users as queued."""
        await self._table.update({"PartitionKey": run, "RowKey": f"{number:06d}", "sent": True})

    async def delete(self, run: str) -> None:
        """Delete the run's pages."""
        await self._table.delete_all(run)

    async def pages(self, run: str) -> AsyncIterator[SweepPage]:
        """Yield the run's pages in order; UnreadableRowError: nobody knows who is on one of them."""
        async for row in self._table.query("PartitionKey eq @run", {"run": run}, page=_AT_ONCE):
            yield self._table.decode(row, _decode)


def _row(run: str, page: SweepPage) -> dict[str, Any]:
    return {
        "PartitionKey": run,
        "RowKey": f"{page.number:06d}",
        "licensed": _pack(page.licensed),
        "to_queue": _pack(page.to_queue),
        "sent": page.sent,
    }


def _decode(row: dict[str, Any]) -> SweepPage:
    return SweepPage(
        int(row["RowKey"]),
        _unpack(field(row, "licensed", bytes)),
        _unpack(field(row, "to_queue", bytes)),
        field(row, "sent", bool),
    )


def _pack(users: Sequence[str]) -> bytes:
    return b"".join(packed(user) for user in users)


def _unpack(data: bytes) -> list[str]:
    return [unpacked(data[at : at + 16]) for at in range(0, len(data), 16)]
