"""Table `roster`: what was last seen of each user, the lists, their counts and daily figures.

Partition: a quarter of the user ids, so that a look changes a user's row, the list rows and the counts in
one transaction. Rows:

- `u|ID`: the user;
- `l|LIST|ADDRESS|ID`: the same on a list, in the order of addresses: a page of a list is a range scan of
  each partition;
- `c|DIGIT`: of the users whose id begins with the digit, how many are on each list; and for each of the
  last days (UTC) on which that changed, the same at its end, and the users moved on it, by signal and by the
  age of their license. Sixteen such rows, so that hosts seldom change the same one at once, and all figures
  are sixteen reads by key, however many users there are.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from heapq import heapify, heappop, heapreplace
from itertools import batched
from typing import Any, Final

from azure.core import MatchConditions
from azure.data.tables import TableEntity, TransactionOperation, UpdateMode

from shared.domain.roster import RosterDay, RosterEntry, Standing, merged
from shared.domain.run import Signal
from shared.errors import StorageError, UnreadableRowError
from shared.storage import roster_counts
from shared.storage.rows import field
from shared.storage.tables import PAGE, Change, Table

_PARTITIONS: Final = {"0-3": "0123", "4-7": "4567", "8-b": "89ab", "c-f": "cdef"}
"""Four: a page asks each, and a message of 20 users writes to each; more would only cost requests."""
_PARTITION: Final = {digit: name for name, digits in _PARTITIONS.items() for digit in digits}
_AT_ONCE: Final = 10
"""Users looked up by one query, which may have 15 comparisons (Azure Tables, "Querying tables")."""
_NEW_AT_ONCE: Final = 48
"""New users in one transaction of 100 entities: two rows each, and the counts of four digits."""
_TRIES: Final = 8
_NONE: Final = "00" * 8
_DIGEST: Final = re.compile("[0-9a-f]{16}")
_LONGEST: Final = 900
_FORBIDDEN: Final = re.compile(r"[/\\#?%|\x00-\x1f\x7f-\x9f]")


class RosterTable:
    """Reader and writer of the roster."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def note(
        self, entries: Iterable[RosterEntry], now: datetime, signal: Signal | None = None
    ) -> None:
        """Write what attempts saw (signal: what led to them), or a listing (None)."""
        latest = {each.user_id: each for each in sorted(entries, key=lambda each: each.seen_at)}
        await asyncio.gather(
            *(
                self._note_all(partition, some, now, signal)
                for partition, some in _by_partition(latest.values())
            )
        )

    async def insert(self, entries: Iterable[RosterEntry], now: datetime) -> None:
        """Write what a listing tells of users who have probably no row yet."""
        await asyncio.gather(
            *(self._insert_all(partition, some, now) for partition, some in _by_partition(entries))
        )

    async def listed(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield each user, in the order of ids, with the digest of what a listing told."""
        for partition in _PARTITIONS:
            rows = self._table.query(
                "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end",
                {"partition": partition, "first": "u|", "end": "u}"},
                ["RowKey", "listed"],
            )
            async for row in rows:
                listed = row.get("listed")
                digest = listed if isinstance(listed, str) and _DIGEST.fullmatch(listed) else _NONE
                yield str(row["RowKey"])[2:], bytes.fromhex(digest)

    async def of(self, user_id: str) -> RosterEntry | None:
        """Return what was last seen of a user."""
        row = await self._table.get(_PARTITION[user_id[0]], f"u|{user_id}")
        return self._entry(row) if row else None

    async def page(
        self,
        standing: Standing,
        limit: int,
        after: str = "",
        address: str = "",
        *,
        provider: str = "",
        country: str = "",
        department: str = "",
    ) -> tuple[list[RosterEntry], str | None]:
        """Return at most `limit` users of a list in the order of addresses, and where the next page begins.

        after: that of the page before. address: only addresses that begin with this. provider, country,
        department: only users of these; the storage reads the whole list for a value that is rare.
        """
        first = f"l|{standing}|{_key_part(address)}"
        begin, end = max(first, after), first + "\uffff"
        only = {"provider": provider, "country": country, "department": department}
        only = {name: value for name, value in only.items() if value}
        narrowed = "".join(f" and {name} eq @{name}" for name in only)

        scans = [
            self._table.query(
                f"PartitionKey eq @partition and RowKey gt @begin and RowKey lt @end{narrowed}",
                {"partition": partition, "begin": begin, "end": end, **only},
                page=min(limit // len(_PARTITIONS) * 2 + 2, PAGE),
            )
            for partition in _PARTITIONS
        ]
        found = await _merged_scans(scans, limit + 1)
        more = str(found[limit - 1]["RowKey"]) if len(found) > limit else None
        entries = [self._entry(row) for row in found[:limit]]
        return [entry for entry in entries if entry], more

    async def counts(self) -> dict[str, int]:
        """Return how many users are on each list."""
        return (await self.figures(date.max))[0]

    async def figures(self, first: date) -> tuple[dict[str, int], list[RosterDay]]:
        """Return `counts`, and the figures of each day since `first` with a change, in order."""
        rows = await asyncio.gather(
            *(
                self._table.get(partition, roster_counts.key(digit))
                for digit, partition in _PARTITION.items()
            )
        )
        return roster_counts.figures([row or {} for row in rows], first)

    async def remove(self, users: Iterable[str], now: datetime) -> None:
        """Take users off the roster."""
        gone = (RosterEntry(user, None, "", datetime.max.replace(tzinfo=UTC)) for user in users)
        for some in batched(gone, 200, strict=False):
            await self.note(some, now)

    def _entry(self, row: TableEntity) -> RosterEntry | None:
        """Return what a row says; None for one that is damaged or of a later version: it is counted."""
        try:
            return self._table.decode(row, _decode)
        except UnreadableRowError:
            return None

    async def _note_all(
        self, partition: str, entries: Sequence[RosterEntry], now: datetime, signal: Signal | None
    ) -> None:
        # One after the other: they change the same counts.
        for some in batched(entries, _AT_ONCE, strict=False):
            await self._note(partition, some, now, signal)

    async def _insert_all(
        self, partition: str, entries: Sequence[RosterEntry], now: datetime
    ) -> None:
        for some in batched(entries, _NEW_AT_ONCE, strict=False):
            await self._insert(partition, some, now)

    async def _insert(self, partition: str, entries: Sequence[RosterEntry], now: datetime) -> None:
        """Write users who have no row, or, when one has got a row meanwhile, all of them by reading."""
        found = await self._read(partition, roster_counts.keys(entries))
        changes = [
            change for entry in entries for change in _written(None, None, entry, listed=True)
        ]
        changes += _counted(partition, found, now, [(None, entry) for entry in entries], None)
        if not await self._table.transact(changes):
            await self._note_all(partition, entries, now, None)

    async def _note(
        self, partition: str, entries: Sequence[RosterEntry], now: datetime, signal: Signal | None
    ) -> None:
        for _ in range(_TRIES):
            found = await self._read(
                partition,
                [*roster_counts.keys(entries), *(f"u|{entry.user_id}" for entry in entries)],
            )
            pairs = []
            changes: list[Change] = []
            for entry in entries:
                row = found.get(f"u|{entry.user_id}")
                before = self._entry(row) if row else None
                after = merged(before, entry, listed=signal is None)
                if after is before or (before is None and after.standing is None):
                    continue
                pairs.append((before, after))
                changes += _written(row, before, after, listed=signal is None)
            if not changes:
                return
            changes += _counted(partition, found, now, pairs, signal)
            if await self._table.transact(changes):
                return
        raise StorageError("write in table roster", "others keep changing it")

    async def _read(self, partition: str, keys: Sequence[str]) -> dict[str, TableEntity]:
        """Return those rows of a partition that are there, by row key."""
        text = " or ".join(f"RowKey eq @k{number}" for number in range(len(keys)))
        names = {f"k{number}": key for number, key in enumerate(keys)}
        rows = self._table.query(
            f"PartitionKey eq @partition and ( {text} )", {"partition": partition, **names}
        )
        return {str(row["RowKey"]): row async for row in rows}


def _by_partition(entries: Iterable[RosterEntry]) -> Iterable[tuple[str, Sequence[RosterEntry]]]:
    """Return the entries of each partition in the order of ids, so that few digits come at once."""
    found: dict[str, list[RosterEntry]] = {}
    for entry in sorted(entries, key=lambda each: each.user_id):
        found.setdefault(_PARTITION[entry.user_id[0]], []).append(entry)
    return found.items()


async def _merged_scans(
    scans: Sequence[AsyncGenerator[TableEntity]], limit: int
) -> list[TableEntity]:
    """Return the first `limit` rows of several scans in the order of row keys.

    Each scan is read no further than needed.
    """
    found: list[TableEntity] = []
    try:
        heads = await asyncio.gather(*(anext(scan, None) for scan in scans))
        queue = [(str(row["RowKey"]), at, row) for at, row in enumerate(heads) if row is not None]
        heapify(queue)
        while queue and len(found) < limit:
            _, at, row = queue[0]
            found.append(row)
            following = await anext(scans[at], None)
            if following is None:
                heappop(queue)
            else:
                heapreplace(queue, (str(following["RowKey"]), at, following))
    finally:
        await asyncio.gather(*(scan.aclose() for scan in scans))
    return found


def _written(
    row: TableEntity | None, known: RosterEntry | None, entry: RosterEntry, *, listed: bool
) -> list[Change]:
    """Return the changes of a user's rows. row, known: what is stored; known: None if it is damaged."""
    partition = _PARTITION[entry.user_id[0]]
    old, new = (_list_key(known) if known else None), _list_key(entry)
    changes: list[Change] = []
    if old and old != new:
        changes.append((TransactionOperation.DELETE, {"PartitionKey": partition, "RowKey": old}))
    fields = _encode(entry)
    if new:
        there = {"PartitionKey": partition, "RowKey": new, **fields}
        changes.append((TransactionOperation.UPSERT, there, {"mode": UpdateMode.REPLACE}))
    # What an attempt saw is no listing's word: the next listing writes the user anew.
    digest = entry.digest.hex() if listed else _NONE
    user = {"PartitionKey": partition, "RowKey": f"u|{entry.user_id}", **fields, "listed": digest}
    if entry.standing is None and row is not None:
        changes.append((TransactionOperation.DELETE, user, _if_unchanged(row)))
    elif entry.standing is not None:
        changes.append(_put(user, row))
    return changes


def _counted(
    partition: str,
    found: Mapping[str, TableEntity],
    now: datetime,
    pairs: Sequence[tuple[RosterEntry | None, RosterEntry]],
    signal: Signal | None,
) -> list[Change]:
    """Return the changes of the counts, and of their day, by digit."""
    by_key: dict[str, list[tuple[RosterEntry | None, RosterEntry]]] = {}
    for before, after in pairs:
        by_key.setdefault(roster_counts.key(after.user_id[0]), []).append((before, after))
    return [
        _put(
            {
                "PartitionKey": partition,
                "RowKey": key,
                **roster_counts.changed(found.get(key, {}), now, some, signal),
            },
            found.get(key),
        )
        for key, some in by_key.items()
    ]


def _put(entity: Mapping[str, Any], row: TableEntity | None) -> Change:
    if row is None:
        return (TransactionOperation.CREATE, entity)
    return (
        TransactionOperation.UPDATE,
        entity,
        {"mode": UpdateMode.REPLACE, **_if_unchanged(row)},
    )


def _if_unchanged(row: TableEntity) -> dict[str, Any]:
    return {"etag": str(row.metadata["etag"]), "match_condition": MatchConditions.IfNotModified}


def _list_key(entry: RosterEntry) -> str | None:
    if entry.standing is None:
        return None
    return f"l|{entry.standing}|{_key_part(entry.upn)}|{entry.user_id}"


def _key_part(address: str) -> str:
    return _FORBIDDEN.sub("_", address.casefold())[: _LONGEST // 4]


def _encode(entry: RosterEntry) -> dict[str, Any]:
    return {
        "standing": str(entry.standing or ""),
        "reason": entry.reason[:_LONGEST],
        "seen_at": entry.seen_at,
        "upn": entry.upn[:_LONGEST],
        "provider": entry.provider[:_LONGEST],
        "name": entry.name[:_LONGEST],
        "department": entry.department[:_LONGEST],
        "country": entry.country[:_LONGEST],
    }


def _decode(row: Mapping[str, Any]) -> RosterEntry:
    standing = field(row, "standing", str)
    return RosterEntry(
        user_id=field(row, "RowKey", str).rpartition("|")[2],
        standing=Standing(standing) if standing else None,
        reason=field(row, "reason", str),
        seen_at=field(row, "seen_at", datetime),
        upn=field(row, "upn", str),
        provider=field(row, "provider", str),
        name=field(row, "name", str),
        department=field(row, "department", str),
        country=field(row, "country", str),
    )
