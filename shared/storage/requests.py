"""Table `requests`: the users that a person asked to move, page by page, so that a run can go on.

Partition: the run. Row: the page's number; row `selection`: on which provider the users are, where
that was asked for. Partition `keys`: which run an idempotency key stands for.

A page holds at most 100 names as they were given: what they mean is looked up when the page is carried
out. Its `done` says that every user of it has a result.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.storage.tables import Table

NAMES_PER_PAGE: Final = 100
"""113 characters a name at most, so a page fits into one property (32 Ki characters)."""

_SELECTION: Final = "selection"
_KEYS: Final = "keys"


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Some names of a run, and whether they are done."""

    number: int
    names: Sequence[str]
    done: bool = False


class RequestTable:
    """Reads and writes what people asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def put(self, run: str, page: RequestPage) -> None:
        """Write a page; the same page again replaces it."""
        if len(page.names) > NAMES_PER_PAGE:
            raise ValueError(f"at most {NAMES_PER_PAGE} names in a page, not {len(page.names)}")
        await self._table.replace(
            {
                "PartitionKey": run,
                "RowKey": f"{page.number:06d}",
                "names": json.dumps(list(page.names), ensure_ascii=False),
                "done": page.done,
            }
        )

    async def page(self, run: str, number: int) -> RequestPage | None:
        """Return one page, or None."""
        row = await self._table.get(run, f"{number:06d}")
        return _decode(dict(row)) if row else None

    async def mark_done(self, run: str, number: int) -> None:
        """Remember that every user of the page has a result."""
        await self._table.update({"PartitionKey": run, "RowKey": f"{number:06d}", "done": True})

    async def pages(self, run: str) -> AsyncIterator[RequestPage]:
        """Yield the run's pages in order."""
        text = "PartitionKey eq @run and RowKey lt @selection"
        async for row in self._table.query(text, {"run": run, "selection": _SELECTION}):
            yield _decode(dict(row))

    async def is_left(self, run: str) -> bool:
        """Return whether a page of the run is not done."""
        rows = self._table.query(
            "PartitionKey eq @run and done eq false", {"run": run}, ["PartitionKey"]
        )
        async for _ in rows:
            return True
        return False

    async def put_selection(self, run: str, provider: str | None) -> None:
        """Remember that the run is about everybody on `provider`; None: on any third party."""
        await self._table.replace(
            {"PartitionKey": run, "RowKey": _SELECTION, "provider": provider or ""}
        )

    async def selection(self, run: str) -> str | None:
        """Return the provider that the run is about; None: any third party."""
        row = await self._table.get(run, _SELECTION)
        return str(row["provider"]) or None if row else None

    async def run_of(self, key: str, run: str) -> str:
        """Return the run that an idempotency key stands for: `run`, unless it had one already."""
        row = {"PartitionKey": _KEYS, "RowKey": hashlib.sha256(key.encode()).hexdigest()}
        if await self._table.insert({**row, "run": run}):
            return run
        known = await self._table.get(_KEYS, row["RowKey"])
        return str(known["run"]) if known else run


def _decode(row: dict[str, Any]) -> RequestPage:
    return RequestPage(int(row["RowKey"]), json.loads(row["names"]), row["done"])
