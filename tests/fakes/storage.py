"""Tables and queue, in memory; tests make them refuse."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from shared.domain.changes import is_credible
from shared.domain.claim import HELD_FOR, SETTLED_FOR, BegunMove, Claim
from shared.domain.decision import Action
from shared.domain.history import CHANGES, HistoryEvent, HistoryRecord
from shared.domain.messages import Message, MoveMessage, PageMessage, PoisonMessage
from shared.domain.move_request import MoveRequest, RequestPage
from shared.domain.options import OwnNumbers
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import DueUser, SettledUser, Waiting, with_runs
from shared.domain.roster import RosterDay, RosterEntry, Standing, merged
from shared.domain.run import Run, Signal, SweepPage
from shared.domain.saved import KnownUser, ReplacedProvider, SavedKeys
from shared.domain.user import MICROSOFT, ConferencingUser, ServiceUser
from shared.errors import (
    BusyError,
    ConflictError,
    RowRefusedError,
    StaleError,
    StorageError,
    TooLargeError,
    UnreadableRowError,
)
from tests.fakes.clock import NOON


@dataclass
class FakeReplaced:
    """Saved entries; `down` makes every save fail."""

    saved: list[ServiceUser] = field(default_factory=list)
    saved_at: list[datetime] = field(default_factory=list)
    down: bool = False
    too_large: bool = False
    refused: set[str] = field(default_factory=set)
    """Users whose entries the table does not take."""
    moves: dict[str, BegunMove] = field(default_factory=dict)
    claims: dict[tuple[str, object], Claim] = field(default_factory=dict)
    """Who changes each user who has such entries."""
    conferencing: dict[ConferencingUser, datetime] = field(default_factory=dict)
    _begun: dict[str, object] = field(default_factory=dict)

    async def last_move(self, user_id: str, run: str | None = None) -> BegunMove | None:
        return self.moves.get(user_id)

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

    async def claim(self, user: ServiceUser, claim: Claim, action: Action) -> None:
        lost = _lost(user)
        self._hold((user.id, lost), claim)
        if lost:
            await self.save_entries(user, claim.at)
        elif self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        if action is not Action.SET_NUMBER:
            provider = user.provider.name if user.provider else ""
            self.moves[user.id] = BegunMove(provider, claim.at, claim)
            self._begun[user.id] = lost

    async def settle_claim(self, user: ServiceUser, claim: Claim, now: datetime) -> None:
        self.claims[user.id, _lost(user)] = replace(claim, at=now - HELD_FOR + SETTLED_FOR)

    async def take_over(self, user_id: str, claim: Claim) -> None:
        self._hold((user_id, self._begun.get(user_id, ())), claim)

    async def cancel_move(self, user: ServiceUser, now: datetime) -> None:
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
class FakeRuns:
    """Runs and results, one a user of a run; `fails` that many further records.

    unreadable: runs whose rows are damaged. revisions: how often a run was written.
    """

    runs: dict[str, Run] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    revisions: int = 0
    recorded: dict[str, list[UserResult]] = field(default_factory=dict)
    fails: int = 0

    async def begin_run(self, run: Run) -> bool:
        if run.id in self.runs:
            return False
        self._write(run)
        return True

    async def change_run(self, before: Run, after: Run) -> bool:
        now = self.runs[after.id]
        if replace(now, started_at=NOON, counts={}) != replace(before, started_at=NOON, counts={}):
            return False
        self._write(after)
        return True

    async def save_run(self, run: Run) -> Run:
        known = self.runs.get(run.id)
        if (known.revision if known else "") != run.revision:
            raise StaleError(f"run {run.id!r}: somebody else has just written it")
        return self._write(run)

    def _write(self, run: Run) -> Run:
        self.revisions += 1
        self.runs[run.id] = replace(run, revision=str(self.revisions))
        return self.runs[run.id]

    async def find_run(self, run: str) -> Run | None:
        if run in self.unreadable:
            raise UnreadableRowError("read in table runs", "a row is damaged")
        return self.runs.get(run)

    async def record_results(
        self,
        run: str,
        results: Sequence[UserResult],
        now: datetime,
        began: datetime | None = None,
    ) -> None:
        if self.fails:
            self.fails -= 1
            raise StorageError("write in table runresults", "HttpResponseError")
        news = {result.user_id for result in results}
        olds = [old for old in self.recorded.get(run, []) if old.user_id not in news]
        self.recorded[run] = [*olds, *results]

    async def results(self, run: str) -> AsyncIterator[UserResult]:
        for result in list(self.recorded.get(run, [])):
            yield result

    async def first_month(self) -> str | None:
        return min(self.runs, default="")[:6] or None

    async def runs_of_month(self, month: datetime, before: str = "") -> AsyncIterator[Run]:
        for run_id in sorted(self.runs):
            if run_id.startswith(f"{month:%Y%m}") and (not before or run_id < before):
                yield self.runs[run_id]

    @property
    def last(self) -> Run:
        """The run that began last."""
        return list(self.runs.values())[-1]


@dataclass
class FakeSweepPages:
    """Pages of sweeps. fail_at: the write that is refused, counted from 1."""

    known: dict[str, dict[int, SweepPage]] = field(default_factory=dict)
    fail_at: int = 0
    writes: int = 0

    async def save_sweep_page(self, run: str, page: SweepPage) -> None:
        self.writes += 1
        if self.writes == self.fail_at:
            raise StorageError("write to table plans", "busy")
        pages = self.known.setdefault(run, {})
        old = pages.get(page.number, SweepPage(page.number, [], []))
        pages[page.number] = SweepPage(
            page.number,
            list(dict.fromkeys([*old.licensed, *page.licensed])),
            list(dict.fromkeys([*old.to_queue, *page.to_queue])),
        )

    async def mark_sent(self, run: str, number: int) -> None:
        self.known[run][number] = replace(self.known[run][number], sent=True)

    async def pages(self, run: str) -> AsyncIterator[SweepPage]:
        for _, page in sorted(self.known.get(run, {}).items()):
            yield page

    async def delete(self, run: str) -> None:
        self.known.pop(run, None)


@dataclass
class FakeMoveRequests:
    """Pages of what people asked for; `down` makes every call fail."""

    known: dict[str, dict[int, RequestPage]] = field(default_factory=dict)
    asked: dict[str, MoveRequest] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    claims: dict[tuple[str, int], datetime] = field(default_factory=dict)
    mailed: set[tuple[str, str]] = field(default_factory=set)
    own: dict[tuple[str, str], OwnNumbers] = field(default_factory=dict)
    down: bool = False

    async def save_request(self, run: str, request: MoveRequest) -> None:
        self._check()
        self.asked[run] = replace(request, has_own_numbers=bool(request.options.own_numbers))

    async def request(self, run: str) -> MoveRequest:
        self._check()
        return self.asked.get(run, MoveRequest())

    async def page(self, run: str, number: int) -> RequestPage | None:
        self._check()
        return self.known.get(run, {}).get(number)

    async def is_left(self, run: str) -> bool:
        self._check()
        return any(not page.done for page in self.known.get(run, {}).values())

    async def run_of(self, key: str, run: str, asked: str) -> str:
        self._check()
        known, known_asked = self.keys.setdefault(key, (run, asked))
        if known_asked != asked:
            raise ConflictError("Idempotency-Key: it was sent with another request")
        return known

    async def save_page(self, run: str, page: RequestPage) -> None:
        self._check()
        self.known.setdefault(run, {}).setdefault(page.number, page)

    async def save_own_numbers(self, run: str, numbers: Mapping[str, OwnNumbers]) -> None:
        self._check()
        self.own |= {(run, user): own for user, own in numbers.items()}

    async def own_numbers(self, run: str, users: Sequence[str]) -> dict[str, OwnNumbers]:
        self._check()
        return {user: self.own[run, user] for user in users if (run, user) in self.own}

    async def mark_mailed(self, run: str, user_id: str) -> bool:
        self._check()
        new = (run, user_id) not in self.mailed
        self.mailed.add((run, user_id))
        return new

    async def unmark_mailed(self, run: str, user_id: str) -> None:
        self._check()
        self.mailed.discard((run, user_id))

    async def claim_page(
        self, run: str, number: int, now: datetime, until: datetime
    ) -> RequestPage | None:
        page = await self.page(run, number)
        if page is None or page.done:
            return None
        if self.claims.get((run, number), now) > now:
            raise BusyError(f"run {run!r}: page {number} is being carried out")
        self.claims[run, number] = until
        return page

    async def give_up_page(self, run: str, number: int, until: datetime) -> None:
        self._check()
        if self.claims.get((run, number)) == until:
            del self.claims[run, number]

    async def mark_done(self, run: str, number: int) -> None:
        self._check()
        self.known[run][number] = replace(self.known[run][number], done=True)

    async def pages(self, run: str) -> AsyncIterator[RequestPage]:
        self._check()
        for _, page in sorted(self.known.get(run, {}).items()):
            yield page

    def _check(self) -> None:
        if self.down:
            raise StorageError("query in table requests", "HttpResponseError")


@dataclass
class FakeQueue:
    """Sent messages; `down` makes sending fail."""

    messages: list[Message] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    down: bool = False

    async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
        if self.down:
            raise StorageError("send to queue moves", "HttpResponseError")
        self.messages.extend(messages)
        self.delays.extend([delay] * len(messages))

    @property
    def moves(self) -> list[MoveMessage]:
        """The messages with users."""
        return [each for each in self.messages if isinstance(each, MoveMessage)]

    @property
    def pages(self) -> list[PageMessage]:
        """The messages with a page of a run."""
        return [each for each in self.messages if isinstance(each, PageMessage)]

    @property
    def users(self) -> list[str]:
        """The users of all messages, in order."""
        return [user for each in self.moves for user in each.users]


@dataclass
class FakePoison[Content]:
    """A poison queue; a text stands for a malformed message. The id of each is its place."""

    contents: list[Content | str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    inserted: list[datetime] = field(default_factory=list)
    """When each was put there, if that matters."""

    async def messages(self) -> AsyncIterator[PoisonMessage[Content]]:
        for place, content in enumerate(self.contents):
            at = self.inserted[place] if self.inserted else None
            if isinstance(content, str):
                yield PoisonMessage(f"message-{place}", None, content, inserted_at=at)
            else:
                yield PoisonMessage(f"message-{place}", content, inserted_at=at)

    async def delete(self, message: PoisonMessage[Content]) -> None:
        self.deleted.append(message.id)

    @property
    def left(self) -> list[Content | str]:
        """What was not deleted."""
        return [
            content
            for place, content in enumerate(self.contents)
            if f"message-{place}" not in self.deleted
        ]


@dataclass
class FakeRoster:
    """What was last seen of each user; `down`: the table refuses everything."""

    entries: dict[str, RosterEntry] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    days: list[RosterDay] = field(default_factory=list)
    down: bool = False

    async def note(
        self, entries: Iterable[RosterEntry], now: datetime, signal: Signal | None = None
    ) -> None:
        self._check()
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
        for user in users:
            self.entries.pop(user, None)

    def _check(self) -> None:
        if self.down:
            raise StorageError("write in table roster", "it is down")
