"""Tables of runs, in memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from shared.domain.move_request import MoveRequest, RequestPage
from shared.domain.options import OwnNumbers
from shared.domain.outcome import UserResult
from shared.domain.run import Run, Signal, SweepPage
from shared.errors import (
    BusyError,
    ConflictError,
    StaleError,
    StorageError,
    UnreadableRowError,
)
from tests.fakes.clock import NOON


@dataclass
class FakeRuns:
    """Runs and results, one a user of a run; `fails` that many further records.

    unreadable: runs whose rows are damaged. revisions: how often a run was written.
    """

    runs: dict[str, Run] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    revisions: int = 0
    recorded: dict[str, list[UserResult]] = field(default_factory=dict)
    recorded_at: dict[str, datetime] = field(default_factory=dict)
    """When results of each run were written last."""
    began: dict[str, datetime | None] = field(default_factory=dict)
    """When the attempts began that led to them."""
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
        self.recorded_at[run], self.began[run] = now, began

    async def results(self, run: str) -> AsyncIterator[UserResult]:
        for result in list(self.recorded.get(run, [])):
            yield result

    async def results_of(self, run: str, names: Sequence[str]) -> list[UserResult]:
        return [result for result in self.recorded.get(run, []) if result.user_id in names]

    async def first_month(self) -> date | None:
        first = min(self.runs, default=None)
        return date(int(first[:4]), int(first[4:6]), 1) if first else None

    async def back_to(
        self, since: date, now: datetime, before: str = "", signal: Signal | None = None
    ) -> AsyncIterator[Run]:
        end = before or f"{now + timedelta(days=1):%Y%m%d}"
        for run_id, run in sorted(self.runs.items(), reverse=True):
            if f"{since:%Y%m%d}" <= run_id < end and signal in (None, run.cause):
                yield run

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
