"""Tables with a row for each user, in memory."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from shared.domain.changes import is_credible
from shared.domain.claim import HELD_FOR, SETTLED_FOR, BegunChange, Claim
from shared.domain.decision import Action
from shared.domain.history import CHANGES, DialIn, HistoryEvent, HistoryRecord
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import DueUser, SettledUser, Waiting, with_runs
from shared.domain.roster import RosterDay, RosterEntry, Standing, merged
from shared.domain.run import Signal
from shared.domain.saved import KnownUser, ReplacedProvider, SavedKeys
from shared.domain.user import MICROSOFT, ConferencingUser, ServiceUser
from shared.errors import (
    BusyError,
    RowRefusedError,
    StorageError,
    TooLargeError,
)


@dataclass
class FakeReplaced:
    """Saved entries; `down` makes every save fail."""

    saved: list[ServiceUser] = field(default_factory=list)
    saved_at: list[datetime] = field(default_factory=list)
    down: bool = False
    too_large: bool = False
    refused: set[str] = field(default_factory=set)
    """Users whose entries the table does not take."""
    moves: dict[str, BegunChange] = field(default_factory=dict)
    numbers: dict[str, BegunChange] = field(default_factory=dict)
    """Changes of a number alone."""
    claims: dict[tuple[str, object], Claim] = field(default_factory=dict)
    """Who changes each user who has such entries."""
    conferencing: dict[ConferencingUser, datetime] = field(default_factory=dict)
    _begun: dict[str, object] = field(default_factory=dict)
    _numbered: dict[str, object] = field(default_factory=dict)

    async def begun(self, user_id: str) -> list[BegunChange]:
        return [kind[user_id] for kind in (self.moves, self.numbers) if user_id in kind]

    async def saved_keys(self) -> SavedKeys:
        keys = SavedKeys()
        for user_id, digest in sorted(map(_record, self.saved)):
            keys.add(user_id, digest)
        return keys

    async def save_entries(
        self, user: ServiceUser, now: datetime, known: SavedKeys | None = None
    ) -> bool:
        if known and known.has(*_record(user)):
            return False
        if self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        if self.too_large:
            raise TooLargeError("900 provider entries are too many to save")
        if user.id in self.refused:
            raise RowRefusedError("insert in table replacedproviders", "HttpResponseError")
        self.saved.append(user)
        self.saved_at.append(now)
        return True

    async def save_conferencing(self, before: ConferencingUser, upn: str, now: datetime) -> None:
        if self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        self.conferencing.setdefault(before, now)

    async def claim(
        self, user: ServiceUser, claim: Claim, action: Action, before: DialIn | None = None
    ) -> None:
        lost = _lost(user)
        self._hold((user.id, lost), claim)
        if lost:
            await self.save_entries(user, claim.at)
        elif self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        if action is Action.SET_NUMBER:
            begun = BegunChange(MICROSOFT, claim.at, claim, before)
            self.numbers[user.id], self._numbered[user.id] = begun, lost
        else:
            provider = user.provider.name if user.provider else ""
            self.moves[user.id] = BegunChange(provider, claim.at, claim)
            self._begun[user.id] = lost

    async def settle_claim(self, user: ServiceUser, claim: Claim, now: datetime) -> None:
        self.claims[user.id, _lost(user)] = replace(claim, at=now - HELD_FOR + SETTLED_FOR)

    async def take_over(self, user_id: str, claim: Claim, *, number: bool = False) -> None:
        begun = self._numbered if number else self._begun
        self._hold((user_id, begun.get(user_id, ())), claim)

    async def cancel(self, user: ServiceUser, now: datetime, *, number: bool = False) -> None:
        if number:
            self.numbers.pop(user.id, None)
            return
        self.claims.pop((user.id, _lost(user)), None)
        self.moves.pop(user.id, None)

    def _hold(self, key: tuple[str, object], claim: Claim) -> None:
        holder = self.claims.get(key)
        if holder and holder.keeps_out(claim):
            raise BusyError("another attempt is changing this user")
        self.claims[key] = claim

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        users = [
            ReplacedProvider(user.id, MICROSOFT, (), at, conferencing=user)
            for user, at in self.conferencing.items()
            if user.id == user_id
        ]
        return users + [
            ReplacedProvider(
                user.id, user.provider.name if user.provider else "", user.entries, at, user.upn
            )
            for user, at in zip(self.saved, self.saved_at, strict=True)
            if user.id == user_id
        ]


def _record(user: ServiceUser) -> tuple[str, str]:
    return user.id, hashlib.sha256(repr(user.entries).encode()).hexdigest()[:32]


def _lost(user: ServiceUser) -> tuple[object, ...]:
    third_party = any(not entry.is_microsoft for entry in user.entries)
    return user.entries if third_party else ()


@dataclass
class FakeUsers:
    """Recorded outcomes; users in `down` cannot be recorded."""

    results: dict[str, UserResult] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    moved: dict[str, datetime] = field(default_factory=dict)
    old_provider: dict[str, str] = field(default_factory=dict)
    moved_run: dict[str, str | None] = field(default_factory=dict)
    bridged: dict[str, datetime] = field(default_factory=dict)
    bridge_run: dict[str, str | None] = field(default_factory=dict)
    looked_at: dict[str, datetime] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)
    numbered: dict[str, datetime] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)
    """What led to the last attempt at each."""

    async def known(self, user_id: str) -> KnownUser | None:
        result = self.results.get(user_id)
        if result is None:
            return None
        moved, looked = self.moved.get(user_id), self.looked_at.get(user_id)
        return KnownUser(
            user_id,
            result.outcome,
            result.reason,
            moved,
            looked,
            self.old_provider.get(user_id),
            self.moved_run.get(user_id),
            self.bridge_run.get(user_id),
            self.bridged.get(user_id),
            self.began.get(user_id),
            self.numbered.get(user_id),
        )

    async def record_result(
        self,
        result: UserResult,
        signal: Signal,
        now: datetime,
        run: str | None = None,
        *,
        began: datetime | None = None,
    ) -> None:
        if result.user_id in self.down:
            raise StorageError("write in table users", "HttpResponseError")
        if result.outcome is Outcome.NOT_FOUND and result.user_id not in self.results:
            return
        self.signals[result.user_id] = signal
        began = began or now
        known = self.began.get(result.user_id, began)
        if known <= began or not is_credible(known, now):
            self.results[result.user_id] = result
            self.looked_at[result.user_id] = now
            self.began[result.user_id] = began
        if result.outcome is Outcome.MOVED:
            self.moved[result.user_id] = now
            self.moved_run[result.user_id] = run
            self.old_provider[result.user_id] = result.old_provider or ""
        if result.outcome is Outcome.BRIDGE_CHANGED:
            self.bridged[result.user_id] = now
            self.bridge_run[result.user_id] = run
        if result.change and result.change.what is HistoryEvent.NUMBER_CHANGED:
            self.numbered[result.user_id] = now


@dataclass
class FakeHistory:
    """Records of each user, the newest last; those of users in `down` are not written."""

    records: dict[tuple[str, datetime, HistoryEvent], HistoryRecord] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    writes: int = 0

    async def add(self, record: HistoryRecord) -> None:
        if record.user_id in self.down:
            raise StorageError("insert in table history", "HttpResponseError")
        self.writes += 1
        what = HistoryEvent.MOVED if record.what in CHANGES else record.what
        self.records.setdefault((record.user_id, record.at, what), record)

    async def page(
        self, users: Sequence[str], limit: int, after: str = ""
    ) -> tuple[list[HistoryRecord], str | None]:
        found = sorted(
            (each for each in self.records.values() if each.user_id in users),
            key=lambda each: each.at,
            reverse=True,
        )
        begin = int(after) if after.isdecimal() else len(found) if after else 0
        more = str(begin + limit) if len(found) > begin + limit else None
        return found[begin : begin + limit], more

    async def has_move_until(self, user: str, moment: datetime) -> bool:
        return any(
            each.user_id == user and each.what is HistoryEvent.MOVED and each.at <= moment
            for each in self.records.values()
        )

    def of(self, user_id: str) -> list[HistoryRecord]:
        """The records of a user, the oldest first."""
        found = (each for each in self.records.values() if each.user_id == user_id)
        return sorted(found, key=lambda each: each.at)


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

    async def listed(self) -> AsyncIterator[tuple[str, bytes]]:
        self._check()
        for user_id in sorted(self.entries):
            yield user_id, self.digests[user_id]

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
