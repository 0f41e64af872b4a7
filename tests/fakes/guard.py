"""The tables of the guard, in memory; tests make them refuse, and other instances write them."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.guard import Slot
from shared.domain.held import HeldUser
from shared.domain.retry import with_runs
from shared.errors import StorageError


@dataclass
class FakeGuardSlots:
    """Slots, each with an ETag; `down` makes every call fail. Every call lets others go first."""

    known: dict[str, dict[int, Slot]] = field(default_factory=dict)
    down: bool = False
    reads: int = 0
    writes: int = 0
    _etags: int = 0

    async def slots(self, ledger: str) -> AsyncIterator[tuple[int, Slot]]:
        await self._call()
        self.reads += 1
        for number, slot in list(self.known.get(ledger, {}).items()):
            yield number, slot

    async def take(
        self, ledger: str, number: int, user_id: str, at: datetime, before: Slot | None
    ) -> bool:
        await self._call()
        self.writes += 1
        known = self.known.setdefault(ledger, {})
        there = known.get(number)
        if (there and there.etag) != (before and before.etag):
            return False
        self._etags += 1
        known[number] = Slot(user_id, at, f"etag-{self._etags}")
        return True

    async def _call(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise StorageError("insert in table guard", "HttpResponseError")


@dataclass
class FakeHeld:
    """Held users; `down` makes every call fail."""

    rows: dict[str, HeldUser] = field(default_factory=dict)
    down: bool = False

    async def is_any(self) -> bool:
        self._check()
        return bool(self.rows)

    async def find_held(self, user_id: str) -> HeldUser | None:
        self._check()
        return self.rows.get(user_id)

    async def add_held(self, user: HeldUser) -> None:
        self._check()
        self.rows.setdefault(user.user_id, user)
        await self.add_runs(user.user_id, user.runs)

    async def add_runs(self, user_id: str, runs: Sequence[str]) -> bool:
        self._check()
        if known := self.rows.get(user_id):
            self.rows[user_id] = dataclasses.replace(known, runs=with_runs((*known.runs, *runs)))
        return known is not None

    async def mark_released(self, user_id: str, now: datetime) -> None:
        self._check()
        if row := self.rows.get(user_id):
            self.rows[user_id] = dataclasses.replace(row, released=True, released_at=now)

    async def remove_held(self, user: HeldUser) -> bool:
        self._check()
        return bool(self.rows.pop(user.user_id, None))

    async def remove_unreadable(self, user_id: str) -> None:
        self._check()
        self.rows.pop(user_id, None)

    async def counts(self) -> Counter[str]:
        return Counter([each.run async for each in self.held() if not each.released])

    async def held(self) -> AsyncIterator[HeldUser]:
        self._check()
        for row in list(self.rows.values()):
            yield row

    async def held_of(self, run: str) -> AsyncIterator[HeldUser]:
        async for row in self.held():
            if row.run == run:
                yield row

    def _check(self) -> None:
        if self.down:
            raise StorageError("query in table held", "HttpResponseError")
