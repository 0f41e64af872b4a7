"""Table `roster`: what was last seen of each user, the lists, their counts and daily figures.

All rows are in one partition, so that a look changes a user's row, the list rows and the counts in one
transaction, and a page of a list is one range. Rows:

- `u|ID`: the user;
- `l|LIST|ADDRESS|ID`: the same on a list, in the order of addresses;
- `c|DIGIT`: how many users are on each list, and for each of the last days (UTC) on which that changed, the
  same at its end, and the users moved on it, by signal and by the age of their license. Sixteen such rows,
  of which a transaction changes one, so that hosts seldom meet: all figures are sums of sixteen reads by
  key, however many users there are. The first has the lists' marks as well: the address of about every
  4,000th user, between which a page looks, so that a storage that sorts what it found (Azurite) has few
  rows to sort.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from itertools import batched
from typing import Any, Final

from azure.data.tables import TableEntity

from shared.domain.roster import KnownKeys, RosterDay, RosterEntry, Standing, merged
from shared.domain.run import Signal
from shared.errors import StorageError, UnreadableRowError
from shared.scratch import scratch
from shared.storage import roster_counts
from shared.storage.rows import field
from shared.storage.tables import PAGE, Table
from shared.storage.wire import Change, Verb

_PARTITION: Final = "users"
_DIGITS: Final = "0123456789abcdef"
_SIDE_BY_SIDE: Final = 4
"""Writers at once, each of users whose ids begin with other digits: they change no row of each other."""
_AT_ONCE: Final = 33
"""Users in one transaction of 100 entities: three rows each, and the counts."""
_NEW_AT_ONCE: Final = 49
"""New users in one transaction: two rows each, and the counts."""
_TRIES: Final = 8
_NONE: Final = "00" * 8
_DIGEST: Final = re.compile("[0-9a-f]{16}")
_LONGEST: Final = 900


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
            *(self._note_all(some, now, signal) for some in _side_by_side(latest.values()))
        )

    async def insert(self, entries: Iterable[RosterEntry], now: datetime) -> None:
        """Write what a listing tells of users who have probably no row yet."""
        await asyncio.gather(*(self._insert_all(some, now) for some in _side_by_side(entries)))

    async def known_keys(self) -> KnownKeys:
        """Return what a listing told of each user."""
        keys = KnownKeys(scratch())
        pages = self._table.pages(
            "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end",
            {"partition": _PARTITION, "first": "u|", "end": "u}"},
            ["RowKey", "listed"],
        )
        async for rows in pages:
            for row in rows:
                listed = row.get("listed")
                digest = listed if isinstance(listed, str) and _DIGEST.fullmatch(listed) else _NONE
                keys.add(str(row["RowKey"])[2:], bytes.fromhex(digest))
        return keys

    async def of(self, user_id: str) -> RosterEntry | None:
        """Return what was last seen of a user."""
        row = await self._table.get(_PARTITION, f"u|{user_id}")
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
        first = f"l|{standing}|{roster_counts.address_key(address)}"
        begin, end = max(first, after), first + "\uffff"
        only = {"provider": provider, "country": country, "department": department}
        only = {name: value for name, value in only.items() if value}
        # Every second mark, so that a page seldom needs another range.
        marks = [mark for mark in await self._marks(standing) if begin < mark < end][1::2]
        found: list[TableEntity] = []
        # What is rare may be in none of many ranges: after the first one, all others are asked together.
        for until in (*(marks[:1] if only else marks), end):
            found += await self._range(begin, until, only, limit + 1 - len(found))
            begin = until
            if len(found) > limit:
                break
        more = str(found[limit - 1]["RowKey"]) if len(found) > limit else None
        entries = [self._entry(row) for row in found[:limit]]
        return [entry for entry in entries if entry], more

    async def counts(self) -> dict[str, int]:
        """Return how many users are on each list."""
        return (await self.figures(date.max))[0]

    async def figures(self, first: date) -> tuple[dict[str, int], list[RosterDay]]:
        """Return `counts`, and the figures of each day since `first` with a change, in order."""
        rows = await asyncio.gather(
            *(self._table.get(_PARTITION, roster_counts.key(digit)) for digit in _DIGITS)
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

    async def _marks(self, standing: Standing) -> list[str]:
        """Return row keys between those of a list, in order."""
        row = await self._table.get(_PARTITION, roster_counts.MARKS)
        return [f"l|{standing}|{mark}" for mark in roster_counts.marks(row or {}, standing)]

    async def _range(
        self, begin: str, end: str, only: Mapping[str, str], limit: int
    ) -> list[TableEntity]:
        """Return the first rows after `begin` and before `end` that fit."""
        # In this order, because Azurite asks each row of the table, and few are in the range.
        text = "RowKey lt @end and RowKey gt @begin and PartitionKey eq @partition"
        narrowed = "".join(f" and {name} eq @{name}" for name in only)
        keys = {"partition": _PARTITION, "begin": begin, "end": end, **only}
        found: list[TableEntity] = []
        async with aclosing(
            self._table.query(text + narrowed, keys, page=min(limit, PAGE))
        ) as rows:
            async for row in rows:
                found.append(row)
                if len(found) == limit:
                    break
        return found

    async def _note_all(
        self, entries: Sequence[RosterEntry], now: datetime, signal: Signal | None
    ) -> None:
        # One after the other: they change the same counts.
        for some in batched(entries, _AT_ONCE, strict=False):
            await self._note(some, now, signal)

    async def _insert_all(self, entries: Sequence[RosterEntry], now: datetime) -> None:
        for some in batched(entries, _NEW_AT_ONCE, strict=False):
            await self._insert(some, now)

    async def _insert(self, entries: Sequence[RosterEntry], now: datetime) -> None:
        """Write users who have no row, or, when one has got a row meanwhile, all of them by reading."""
        counts = await self._read(_counts_key(entries))
        changes = [
            change for entry in entries for change in _written(None, None, entry, listed=True)
        ]
        changes.append(_counted(entries, counts, now, [(None, entry) for entry in entries], None))
        if not await self._table.transact(changes):
            await self._note_all(entries, now, None)

    async def _note(
        self, entries: Sequence[RosterEntry], now: datetime, signal: Signal | None
    ) -> None:
        for _ in range(_TRIES):
            counts, *rows = await asyncio.gather(
                self._read(_counts_key(entries)),
                *(self._read(f"u|{entry.user_id}") for entry in entries),
            )
            pairs = []
            changes: list[Change] = []
            for entry, row in zip(entries, rows, strict=True):
                before = self._entry(row) if row else None
                after = merged(before, entry, listed=signal is None)
                if after is before or (before is None and after.standing is None):
                    continue
                pairs.append((before, after))
                changes += _written(row, before, after, listed=signal is None)
            if not changes:
                return
            changes.append(_counted(entries, counts, now, pairs, signal))
            if await self._table.transact(changes):
                return
        raise StorageError("write in table roster", "others keep changing it")

    async def _read(self, key: str) -> TableEntity | None:
        # By key: several keys in one query would make the storage read the whole partition (Azure
        # Tables, "Design for querying").
        return await self._table.get(_PARTITION, key)


def _side_by_side(entries: Iterable[RosterEntry]) -> Iterable[Sequence[RosterEntry]]:
    """Return the entries for each writer, in the order of ids: one writer if one transaction is enough."""
    ordered = sorted(entries, key=lambda each: each.user_id)
    if len(ordered) <= _AT_ONCE:
        return [ordered] if ordered else []
    found: dict[int, list[RosterEntry]] = {}
    for entry in ordered:
        found.setdefault(_writer(entry), []).append(entry)
    return found.values()


def _writer(entry: RosterEntry) -> int:
    return int(entry.user_id[0], 16) // _SIDE_BY_SIDE


def _counts_key(entries: Sequence[RosterEntry]) -> str:
    """Return the key of the row that counts users who are written together, in the order of ids.

    That of their first digit, so that writers side by side change different ones; of a message, whose
    users have all digits, any. Marks are in the first row.
    """
    first, last = entries[0], entries[-1]
    near = _writer(first) == _writer(last) or first.user_id.startswith(roster_counts.MARKED)
    return roster_counts.key(first.user_id[0 if near else -1])


def _written(
    row: TableEntity | None, known: RosterEntry | None, entry: RosterEntry, *, listed: bool
) -> list[Change]:
    """Return the changes of a user's rows. row, known: what is stored; known: None if it is damaged."""
    old, new = (_list_key(known) if known else None), _list_key(entry)
    changes: list[Change] = []
    if old and old != new:
        changes.append(Change(Verb.DELETE, {"PartitionKey": _PARTITION, "RowKey": old}))
    fields = _encode(entry)
    if new:
        there = {"PartitionKey": _PARTITION, "RowKey": new, **fields}
        changes.append(Change(Verb.REPLACE, there))
    # What an attempt saw is no listing's word: the next listing writes the user anew.
    digest = entry.digest.hex() if listed else _NONE
    user = {"PartitionKey": _PARTITION, "RowKey": f"u|{entry.user_id}", **fields, "listed": digest}
    if entry.standing is None and row is not None:
        changes.append(Change(Verb.DELETE, user, _etag(row)))
    elif entry.standing is not None:
        changes.append(_put(user, row))
    return changes


def _counted(
    entries: Sequence[RosterEntry],
    row: TableEntity | None,
    now: datetime,
    pairs: Sequence[tuple[RosterEntry | None, RosterEntry]],
    signal: Signal | None,
) -> Change:
    """Return the change of the counts, and of their day."""
    counts = roster_counts.changed(row or {}, now, pairs, signal)
    return _put({"PartitionKey": _PARTITION, "RowKey": _counts_key(entries), **counts}, row)


def _put(entity: Mapping[str, Any], row: TableEntity | None) -> Change:
    if row is None:
        return Change(Verb.INSERT, entity)
    return Change(Verb.REPLACE, entity, _etag(row))


def _etag(row: TableEntity) -> str:
    return str(row.metadata["etag"])


def _list_key(entry: RosterEntry) -> str | None:
    if entry.standing is None:
        return None
    return f"l|{entry.standing}|{roster_counts.address_key(entry.upn)}|{entry.user_id}"


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
