"""Tables and queue, in memory; tests make them refuse."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import ServiceUser
from shared.domain.waiting import Waiting
from shared.errors import StorageError, TooLargeError
from shared.storage.plans import PagePlan
from shared.storage.runs import Run


@dataclass
class FakeReplaced:
    """Saved entries; `down` makes every save fail."""

    saved: list[ServiceUser] = field(default_factory=list)
    down: bool = False
    too_large: bool = False
    moves: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    async def last_move(self, user_id: str) -> tuple[str, datetime] | None:
        return self.moves.get(user_id)

    async def save(self, user: ServiceUser, now: datetime, *, for_move: bool = False) -> bool:
        if self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        if self.too_large:
            raise TooLargeError("900 provider entries are too many to save")
        self.saved.append(user)
        if for_move and user.provider:
            self.moves[user.id] = (user.provider.name, now)
        return True


@dataclass
class FakeUsers:
    """Recorded outcomes; users in `down` cannot be recorded."""

    results: dict[str, UserResult] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    moved: dict[str, datetime] = field(default_factory=dict)

    async def moved_at(self, user_id: str) -> datetime | None:
        return self.moved.get(user_id)

    async def record(self, result: UserResult, cause: str, now: datetime) -> None:
        if result.user_id in self.down:
            raise StorageError("write in table users", "HttpResponseError")
        self.results[result.user_id] = result
        if result.outcome is Outcome.MOVED:
            self.moved[result.user_id] = now


@dataclass
class FakeWaiting:
    """Waiting rows."""

    rows: dict[str, Waiting] = field(default_factory=dict)

    async def get(self, user_id: str) -> Waiting | None:
        return self.rows.get(user_id)

    async def put(self, waiting: Waiting) -> None:
        self.rows[waiting.user_id] = waiting

    async def remove(self, user_id: str, looked_at: datetime) -> None:
        if user_id in self.rows and self.rows[user_id].looked_at <= looked_at:
            del self.rows[user_id]

    async def attention(self) -> AsyncIterator[Waiting]:
        for row in list(self.rows.values()):
            if row.needs_attention:
                yield row

    async def claim(self, user_id: str, until: datetime) -> None:
        if user_id in self.rows:
            self.rows[user_id] = dataclasses.replace(self.rows[user_id], due=until)

    async def due(self, now: datetime) -> AsyncIterator[Waiting]:
        for row in list(self.rows.values()):
            if row.due is not None and row.due <= now:
                yield row


@dataclass
class FakeRuns:
    """Runs and results."""

    runs: dict[str, Run] = field(default_factory=dict)
    results: dict[str, list[UserResult]] = field(default_factory=dict)

    async def put(self, run: Run) -> None:
        self.runs[run.id] = run

    async def get(self, run: str) -> Run | None:
        return self.runs.get(run)

    async def record(self, run: str, results: Sequence[UserResult], now: datetime) -> None:
        self.results.setdefault(run, []).extend(results)

    @property
    def last(self) -> Run:
        """The run that began last."""
        return list(self.runs.values())[-1]


@dataclass
class FakePlans:
    """Pages of sweeps."""

    known: dict[str, dict[int, PagePlan]] = field(default_factory=dict)

    async def put(self, run: str, page: PagePlan) -> None:
        self.known.setdefault(run, {})[page.number] = page

    async def mark_sent(self, run: str, number: int) -> None:
        self.known[run][number] = dataclasses.replace(self.known[run][number], sent=True)

    async def pages(self, run: str) -> AsyncIterator[PagePlan]:
        for _, page in sorted(self.known.get(run, {}).items()):
            yield page

    async def delete(self, run: str) -> None:
        self.known.pop(run, None)


@dataclass
class FakeQueue:
    """Sent messages; `down` makes sending fail."""

    texts: list[str] = field(default_factory=list)
    down: bool = False

    async def send(self, texts: Sequence[str]) -> None:
        if self.down:
            raise StorageError("send to queue moves", "HttpResponseError")
        self.texts.extend(texts)
