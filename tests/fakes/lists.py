"""Tables `waiting` and `roster`, in memory."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from shared.domain.outcome import UserResult
from shared.domain.retry import DueUser, SettledUser, Waiting, with_runs
from shared.domain.roster import KnownKeys, RosterDay, RosterEntry, Standing, merged
from shared.domain.run import Signal
from shared.errors import (
    StorageError,
)


@dataclass
class FakeWaiting:
    """Waiting rows; users in `unclaimable` cannot be claimed, the row of users in `down` not written."""

    rows: dict[str, Waiting] = field(default_factory=dict)
    unclaimable: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    told: dict[str, SettledUser] = field(default_factory=dict)
    """Settled users of whom runs have to be told."""

    async def find_waiting(self, user_id: str) -> Waiting | None:
        return self.rows.get(user_id)

    async def save_waiting(self, waiting: Waiting) -> None:
        if waiting.user_id in self.down:
            raise StorageError("write in table waiting", "HttpResponseError")
        known = self.rows.get(waiting.user_id)
        if known and known.looked_at > waiting.looked_at:
            self.rows[waiting.user_id] = replace(
                known, runs=with_runs((*known.runs, *waiting.runs))
            )
        else:
            past = self.told.pop(waiting.user_id, None)
            runs = (*waiting.runs, *(known.runs if known else past.runs if past else ()))
            self.rows[waiting.user_id] = replace(waiting, runs=with_runs(runs))

    async def remove_waiting(self, result: UserResult, looked_at: datetime) -> Waiting | None:
        user_id = result.user_id
        if user_id not in self.rows or self.rows[user_id].looked_at > looked_at:
            return None
        row = self.rows.pop(user_id)
        if row.runs:
            self.told[user_id] = SettledUser(result, row.runs)
        return row

    async def acknowledge(self, user_id: str, by: str, at: datetime) -> Waiting | None:
        row = self.rows.get(user_id)
        if row is None or not row.needs_attention:
            return None
        self.rows[user_id] = replace(row, acknowledged_by=by, acknowledged_at=at)
        return row

    async def add_settled(self, result: UserResult, runs: Sequence[str]) -> None:
        user_id = result.user_id
        if known := self.rows.get(user_id):
            self.rows[user_id] = replace(known, runs=with_runs((*known.runs, *runs)))
        else:
            past = self.told.get(user_id)
            all_runs = with_runs((*runs, *(past.runs if past else ())))
            self.told[user_id] = SettledUser(result, all_runs)

    async def settled(self) -> AsyncIterator[SettledUser]:
        for user in list(self.told.values()):
            yield user

    async def forget_settled(self, user: SettledUser) -> None:
        if self.told.get(user.result.user_id) == user:
            del self.told[user.result.user_id]

    async def waiting(self) -> AsyncIterator[Waiting]:
        for row in list(self.rows.values()):
            if not row.needs_attention:
                yield row

    async def counts(self) -> tuple[int, Counter[str]]:
        due = [row async for row in self.waiting()]
        return len(due), Counter([row.reason async for row in self.attention()])

    async def attention(self) -> AsyncIterator[Waiting]:
        for row in list(self.rows.values()):
            if row.needs_attention:
                yield row

    async def claim(self, due: DueUser, until: datetime) -> bool:
        if due.user_id in self.unclaimable:
            raise StorageError("update in table waiting", "HttpResponseError")
        row = self.rows.get(due.user_id)
        if row is None or due.revision != str(row.due):
            return False
        self.rows[due.user_id] = replace(row, due=until)
        return True

    async def due(self, now: datetime) -> AsyncIterator[DueUser]:
        for row in list(self.rows.values()):
            if row.due <= now:
                yield DueUser(row.user_id, str(row.due))


@dataclass
class FakeRoster:
    """What was last seen of each user; `down`: the table refuses everything."""

    entries: dict[str, RosterEntry] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    days: list[RosterDay] = field(default_factory=list)
    down: bool = False
    written_at: list[datetime] = field(default_factory=list)
    """When it was written."""

    async def note(
        self, entries: Iterable[RosterEntry], now: datetime, signal: Signal | None = None
    ) -> None:
        self._check()
        self.written_at.append(now)
        for entry in entries:
            after = merged(self.entries.get(entry.user_id), entry, listed=signal is None)
            self.entries[entry.user_id] = after
            self.digests[entry.user_id] = entry.digest if signal is None else b"-" * 8
            if after.standing is None:
                del self.entries[entry.user_id]

    async def insert(self, entries: Iterable[RosterEntry], now: datetime) -> None:
        await self.note(entries, now)

    async def known_keys(self) -> KnownKeys:
        self._check()
        keys = KnownKeys()
        for user_id in sorted(self.entries):
            keys.add(user_id, self.digests[user_id])
        return keys

    async def of(self, user_id: str) -> RosterEntry | None:
        return self.entries.get(user_id)

    async def page(
        self,
        standing: Standing,
        limit: int,
        after: str = "",
        address: str = "",
        *,
        provider: str = "",
        country: str = "",
    ) -> tuple[list[RosterEntry], str | None]:
        found = sorted(
            (
                each
                for each in self.entries.values()
                if each.standing is standing
                and each.upn.startswith(address)
                and each.upn > after
                and provider in ("", each.provider)
                and country in ("", each.country)
            ),
            key=lambda each: each.upn,
        )
        return found[:limit], found[limit - 1].upn if len(found) > limit else None

    async def counts(self) -> dict[str, int]:
        found = Counter(each.standing for each in self.entries.values())
        return {str(standing): found[standing] for standing in Standing}

    async def figures(self, first: date) -> tuple[dict[str, int], list[RosterDay]]:
        return await self.counts(), [day for day in self.days if day.day >= first]

    async def remove(self, users: Iterable[str], now: datetime) -> None:
        self._check()
        self.written_at.append(now)
        for user in users:
            self.entries.pop(user, None)

    def _check(self) -> None:
        if self.down:
            raise StorageError("write in table roster", "it is down")
