"""Table `held`: the users whom the guard holds, each on one list.

Partition: the first hex digit of the user id. Row: the user id. A user who is settled, released and
moved, or discarded has no row any more.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final

from shared.domain.held import HeldUser
from shared.domain.retry import with_runs
from shared.domain.run import Signal
from shared.errors import StorageError
from shared.storage.rows import DIGITS, EVERY_DIGIT, field, runs_of
from shared.storage.tables import ETAG, Table

_TRIES: Final = 5
_MORE: Final = 4


class HeldTable:
    """Reader and writer of table `held`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def is_any(self) -> bool:
        """Return whether anybody is on the list, held or released."""
        async for _ in self._table.query(EVERY_DIGIT, {}, ["PartitionKey"]):
            return True
        return False

    async def find_held(self, user_id: str) -> HeldUser | None:
        """Return the user's row, or None. UnreadableRowError: nobody knows if it is permitted."""
        return await self._table.find(user_id[0], user_id, _decode)

    async def add_held(self, user: HeldUser) -> None:
        """Hold a user; who is held already stays on the first list, which learns of further runs."""
        entity = {
            "PartitionKey": user.user_id[0],
            "RowKey": user.user_id,
            "upn": user.upn,
            "provider": user.provider,
            "signal": str(user.signal),
            "run": user.run,
            "since": user.since,
            "reason": user.reason,
            "released": user.released,
            "runs": " ".join(user.runs),
        }
        while not await self._table.insert(entity):
            if await self.add_runs(user.user_id, user.runs):
                return

    async def add_runs(self, user_id: str, runs: Sequence[str]) -> bool:
        """Let a user's row learn of runs that say `held`; False: the user is not held any more."""
        keys = {"PartitionKey": user_id[0], "RowKey": user_id}
        for _ in range(_TRIES):
            known = await self._table.get(user_id[0], user_id)
            if known is None:
                return False
            row = {**keys, "runs": " ".join(with_runs((*runs_of(known), *runs)))}
            if await self._table.merge_if_unchanged(row, str(known.metadata["etag"])):
                return True
        raise StorageError("write in table held", "others keep writing the user's row")

    async def mark_released(self, user_id: str, now: datetime) -> None:
        """Permit the user's change; nothing happens to who is not held any more."""
        keys = {"PartitionKey": user_id[0], "RowKey": user_id}
        await self._table.update({**keys, "released": True, "released_at": now})

    async def remove_held(self, user: HeldUser) -> bool:
        """Take a user off the list; False: the row was changed since it was read, or went."""
        row = await self._table.get(user.user_id[0], user.user_id)
        if row is None or str(row.metadata["etag"]) != user.revision:
            return False
        return await self._table.delete_if_unchanged(row)

    async def remove_unreadable(self, user_id: str) -> None:
        """Take a user off the list whose row nobody can read."""
        await self._table.delete(user_id[0], user_id)

    def held(self) -> AsyncIterator[HeldUser]:
        """Yield everybody, those included who were released and are not settled yet."""
        return self._table.read(EVERY_DIGIT, {}, _decode)

    async def counts(self) -> Counter[str]:
        """Return how many users each run holds, those left out who were released."""
        rows = self._table.query(f"{EVERY_DIGIT} and released eq false", {}, ["run"])
        return Counter([run async for row in rows if isinstance(run := row.get("run"), str)])

    async def first_of(self, run: str, limit: int) -> list[HeldUser]:
        """Return at most `limit` users of a run who are held and not released, by address.

        Read partition by partition, for a page that a person waits for.
        """

        async def scan(partition: str, limit: int) -> list[HeldUser]:
            text = "PartitionKey eq @partition and run eq @run and released eq false"
            where = {"partition": partition, "run": run}
            return await self._table.first(text, where, _decode, limit)

        share = min(limit, limit // len(DIGITS) + _MORE)
        found = await asyncio.gather(*(scan(each, share) for each in DIGITS))
        if sum(map(len, found)) < limit:  # a partition may have more than its share
            full = [each for each, some in zip(DIGITS, found, strict=True) if len(some) == share]
            found += await asyncio.gather(*(scan(each, limit) for each in full))
        users = {each.user_id: each for each in chain.from_iterable(found)}.values()
        return sorted(users, key=lambda each: each.upn or each.user_id)[:limit]

    def held_of(self, run: str) -> AsyncIterator[HeldUser]:
        """Yield the users on the list of a run, in the same way."""
        return self._table.read(f"{EVERY_DIGIT} and run eq @run", {"run": run}, _decode)


def _decode(row: dict[str, Any]) -> HeldUser:
    return HeldUser(
        field(row, "RowKey", str),
        field(row, "upn", str),
        field(row, "provider", str),
        Signal(field(row, "signal", str)),
        field(row, "run", str),
        field(row, "since", datetime),
        field(row, "reason", str),
        field(row, "released", bool),
        field(row, "released_at", datetime, None),
        runs_of(row),
        field(row, ETAG, str),
    )
