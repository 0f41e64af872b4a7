"""Table `roster`: what was last seen of each user, the lists, their counts and daily figures.

Partition: the first hex digit of the user id, so that a look changes a user's row, the list rows and the
counts in one transaction, and sixteen partitions share the load. Rows:

- `u|ID`: the user;
- `l|LIST|ADDRESS|ID`: the same on a list, in the order of addresses: a page of a list is a range scan of
  each partition;
- `c`: how many users are on each list here;
- `d|DATE`: the same at the end of a day (UTC), and the users moved on that day, by signal and by the age
  of their license.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from heapq import heapify, heappop, heapreplace
from itertools import batched
from typing import Any, Final

from azure.core import MatchConditions
from azure.data.tables import TableEntity, TransactionOperation, UpdateMode

from shared.domain import license_age
from shared.domain.roster import RosterDay, RosterEntry, Standing, difference, merged
from shared.domain.run import Signal
from shared.errors import StorageError, UnreadableRowError
from shared.storage.rows import field
from shared.storage.tables import PAGE, Change, Table

_SHARDS: Final = "0123456789abcdef"
_AT_ONCE: Final = 12
"""Users looked up by one query, which may have 15 comparisons (Azure Tables, "Querying tables")."""
_NEW_AT_ONCE: Final = 48
"""New users in one transaction of 100 entities: two rows each, the counts and the day."""
_TRIES: Final = 8
_NONE: Final = "00" * 8
_DIGEST: Final = re.compile("[0-9a-f]{16}")
_COUNT: Final = "on_"
_MOVED: Final = "moved_"
_AGE: Final = "age_"
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
        by_shard: dict[str, list[RosterEntry]] = {}
        latest = {each.user_id: each for each in sorted(entries, key=lambda each: each.seen_at)}
        for entry in latest.values():
            by_shard.setdefault(entry.user_id[0], []).append(entry)
        await asyncio.gather(
            *(self._note_all(shard, some, now, signal) for shard, some in by_shard.items())
        )

    async def insert(self, entries: Iterable[RosterEntry], now: datetime) -> None:
        """Write what a listing tells of users who have probably no row yet."""
        by_shard: dict[str, list[RosterEntry]] = {}
        for entry in entries:
            by_shard.setdefault(entry.user_id[0], []).append(entry)
        await asyncio.gather(
            *(self._insert_all(shard, some, now) for shard, some in by_shard.items())
        )

    async def listed(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield each user, in the order of ids, with the digest of what a listing told."""
        for shard in _SHARDS:
            rows = self._table.query(
                "PartitionKey eq @shard and RowKey ge @first and RowKey lt @end",
                {"shard": shard, "first": "u|", "end": "u}"},
                ["RowKey", "listed"],
            )
            async for row in rows:
                listed = row.get("listed")
                digest = listed if isinstance(listed, str) and _DIGEST.fullmatch(listed) else _NONE
                yield str(row["RowKey"])[2:], bytes.fromhex(digest)

    async def of(self, user_id: str) -> RosterEntry | None:
        """Return what was last seen of a user."""
        row = await self._table.get(user_id[0], f"u|{user_id}")
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
                f"PartitionKey eq @shard and RowKey gt @begin and RowKey lt @end{narrowed}",
                {"shard": shard, "begin": begin, "end": end, **only},
                page=min(limit // len(_SHARDS) * 2 + 2, PAGE),
            )
            for shard in _SHARDS
        ]
        found = await _merged_scans(scans, limit + 1)
        more = str(found[limit - 1]["RowKey"]) if len(found) > limit else None
        entries = [self._entry(row) for row in found[:limit]]
        return [entry for entry in entries if entry], more

    async def counts(self) -> dict[str, int]:
        """Return how many users are on each list."""
        rows = await asyncio.gather(*(self._table.get(shard, "c") for shard in _SHARDS))
        total: Counter[str] = Counter({str(each): 0 for each in Standing})
        for row in rows:
            total.update(_numbers(row or {}, _COUNT))
        return dict(total)

    async def days(self, first: date) -> list[RosterDay]:
        """Return the figures of each day since `first` on which anything changed, in order."""
        return (await self.figures(first))[1]

    async def figures(self, first: date) -> tuple[dict[str, int], list[RosterDay]]:
        """Return `counts` and `days`, by one request for each partition."""

        async def scan(shard: str) -> list[tuple[str, dict[str, Any]]]:
            rows = self._table.query(
                "PartitionKey eq @shard and RowKey ge @first and RowKey lt @end",
                {"shard": shard, "first": "c", "end": "d}"},
                page=PAGE,
            )
            return [(row["RowKey"][2:], dict(row)) async for row in rows]

        found = await asyncio.gather(*(scan(shard) for shard in _SHARDS))
        counts = Counter({str(each): 0 for each in Standing})
        for row in (row for rows in found for day, row in rows if not day):
            counts.update(_numbers(row, _COUNT))
        return dict(counts), _days([[one for one in rows if one[0]] for rows in found], first)

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
        self, shard: str, entries: Sequence[RosterEntry], now: datetime, signal: Signal | None
    ) -> None:
        # One after the other: each changes the partition's counts.
        for some in batched(entries, _AT_ONCE, strict=False):
            await self._note(shard, some, now, signal)

    async def _insert_all(self, shard: str, entries: Sequence[RosterEntry], now: datetime) -> None:
        for some in batched(entries, _NEW_AT_ONCE, strict=False):
            await self._insert(shard, some, now)

    async def _insert(self, shard: str, entries: Sequence[RosterEntry], now: datetime) -> None:
        """Write users who have no row, or, when one has got a row meanwhile, all of them by reading."""
        found = await self._read(shard, now, ())
        changes = [
            change for entry in entries for change in _written(None, None, entry, listed=True)
        ]
        changes += _counted(shard, found, now, [(None, entry) for entry in entries], None)
        if not await self._table.transact(changes):
            await self._note_all(shard, entries, now, None)

    async def _note(
        self, shard: str, entries: Sequence[RosterEntry], now: datetime, signal: Signal | None
    ) -> None:
        for _ in range(_TRIES):
            found = await self._read(shard, now, [entry.user_id for entry in entries])
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
            changes += _counted(shard, found, now, pairs, signal)
            if await self._table.transact(changes):
                return
        raise StorageError("write in table roster", "others keep changing it")

    async def _read(
        self, shard: str, now: datetime, users: Sequence[str]
    ) -> dict[str, TableEntity]:
        """Return the counts, the day and the users' rows of a partition, by row key."""
        keys = ["c", f"d|{now:%Y-%m-%d}", *(f"u|{user}" for user in users)]
        text = " or ".join(f"RowKey eq @k{number}" for number in range(len(keys)))
        names = {f"k{number}": key for number, key in enumerate(keys)}
        rows = self._table.query(
            f"PartitionKey eq @shard and ( {text} )", {"shard": shard, **names}
        )
        return {str(row["RowKey"]): row async for row in rows}


def _days(
    shards: Sequence[Sequence[tuple[str, Mapping[str, Any]]]], first: date
) -> list[RosterDay]:
    """Return the figures of the days since `first` from the rows of all partitions, by day."""
    days = sorted({day for rows in shards for day, _ in rows})
    found = []
    for day in days:
        # A partition in which nothing changed on a day stands as on its last day before.
        last: list[dict[str, Any]] = [
            next((row for at, row in reversed(rows) if at <= day), {}) for rows in shards
        ]
        today = [row for rows in shards for at, row in rows if at == day]
        counts = sum((Counter(_numbers(row, _COUNT)) for row in last), Counter())
        moved = sum((Counter(_numbers(row, _MOVED)) for row in today), Counter())
        ages = sum((Counter(_numbers(row, _AGE)) for row in today), Counter())
        by_step = {int(step): count for step, count in ages.items() if step.isdecimal()}
        found.append(RosterDay(date.fromisoformat(day), counts, moved, by_step))
    return [each for each in found if each.day >= first]


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
    shard = entry.user_id[0]
    old, new = (_list_key(known) if known else None), _list_key(entry)
    changes: list[Change] = []
    if old and old != new:
        changes.append((TransactionOperation.DELETE, {"PartitionKey": shard, "RowKey": old}))
    fields = _encode(entry)
    if new:
        there = {"PartitionKey": shard, "RowKey": new, **fields}
        changes.append((TransactionOperation.UPSERT, there, {"mode": UpdateMode.REPLACE}))
    # What an attempt saw is no listing's word: the next listing writes the user anew.
    digest = entry.digest.hex() if listed else _NONE
    user = {"PartitionKey": shard, "RowKey": f"u|{entry.user_id}", **fields, "listed": digest}
    if entry.standing is None and row is not None:
        changes.append((TransactionOperation.DELETE, user, _if_unchanged(row)))
    elif entry.standing is not None:
        changes.append(_put(user, row))
    return changes


def _counted(
    shard: str,
    found: Mapping[str, TableEntity],
    now: datetime,
    pairs: Sequence[tuple[RosterEntry | None, RosterEntry]],
    signal: Signal | None,
) -> list[Change]:
    """Return the changes of a partition's counts and of its day."""
    today = f"d|{now:%Y-%m-%d}"
    counts = Counter(_numbers(found.get("c", {}), _COUNT))
    counts.update(difference(pairs))
    moved = Counter(_numbers(found.get(today, {}), _MOVED))
    ages = Counter(_numbers(found.get(today, {}), _AGE))
    for before, after in pairs:
        # A move that is reported again is the same move.
        if signal and after.moved and not (before and before.standing is Standing.ON_MICROSOFT):
            moved[str(signal)] += 1
            if signal in license_age.SIGNALS and after.licensed_at:
                ages[str(license_age.step_of(now - after.licensed_at))] += 1
    total = {f"{_COUNT}{name}": count for name, count in counts.items()}
    day = total | {f"{_MOVED}{name}": count for name, count in moved.items()}
    day |= {f"{_AGE}{step}": count for step, count in ages.items()}
    return [
        _put({"PartitionKey": shard, "RowKey": "c", **total}, found.get("c")),
        _put({"PartitionKey": shard, "RowKey": today, **day}, found.get(today)),
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


def _numbers(row: Mapping[str, Any], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and isinstance(value, int)
    }


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
