"""Fakes of what the services ask for: small, in memory, with the awkward sides switched on by tests."""

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.clients.graph_models import Subscription
from shared.clients.teams_models import Page
from shared.domain.outcome import UserResult
from shared.domain.user import (
    AccountType,
    DirectoryUser,
    PlanStatus,
    ProviderEntry,
    ServiceUser,
)
from shared.domain.waiting import Waiting
from shared.errors import NotFoundError, ServiceError, StorageError
from shared.storage.runs import Run
from shared.storage.state import SubscriptionState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PASSCODE = "73519846"


def guid(number: int) -> str:
    """A user id that is easy to tell from others."""
    return f"00000000-0000-4000-8000-{number:012d}"


def third_party(name: str = "InterCall", *, default: bool = True) -> ProviderEntry:
    """A third party's entry."""
    return ProviderEntry(
        name, f"{name.lower()}.example", "+15550100", "+18000100", PASSCODE, "", default
    )


def microsoft(number: str = "+15550199", *, default: bool = True) -> ProviderEntry:
    """Microsoft's own entry."""
    return ProviderEntry("Microsoft", "resources.lync.com", number, "", "0", "", default)


def licensed(number: int = 1, status: PlanStatus | None = PlanStatus.ENABLED) -> DirectoryUser:
    """A user as Graph has it, licensed unless told otherwise."""
    return DirectoryUser(guid(number), f"user{number}@contoso.example", status, usage_location="US")


def in_service(
    number: int = 1,
    *entries: ProviderEntry,
    account_type: AccountType = AccountType.USER,
    ready: bool = True,
    soft_deleted: bool = False,
) -> ServiceUser:
    """A user as Teams has it, with the given provider entries."""
    return ServiceUser(
        guid(number),
        f"user{number}@contoso.example",
        account_type,
        ready,
        entries,
        soft_deleted,
        usage_location="US",
    )


class FakeClock:
    """Time that passes only when somebody sleeps or a test moves it."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1_000.0 + self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds


@dataclass
class FakeDirectory:
    """Graph: known users, and errors that meet single ones."""

    known: dict[str, DirectoryUser] = field(default_factory=dict)
    errors: dict[str, ServiceError] = field(default_factory=dict)
    down: ServiceError | None = None
    subscriptions: dict[str, datetime] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    page_size: int = 2

    def add(self, *users: DirectoryUser) -> None:
        self.known |= {user.id: user for user in users}

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        if self.down:
            raise self.down
        missing = NotFoundError("Graph", "POST /v1.0/$batch", "HTTP 404")
        everything: dict[str, DirectoryUser | ServiceError] = {**self.known, **self.errors}
        return {user: everything.get(user, missing) for user in ids}

    async def licensed_ids(self) -> AsyncIterator[list[str]]:
        if self.down:
            raise self.down
        yield [user.id for user in self.known.values() if user.licensed]

    async def room_ids(self) -> AsyncIterator[list[str]]:
        yield [user.id for user in self.known.values() if user.is_room]

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> Subscription:
        self.created.append(url)
        name = f"subscription-{len(self.created)}"
        self.subscriptions[name] = expires
        return Subscription(id=name, expirationDateTime=expires)

    async def renew_subscription(self, subscription_id: str, expires: datetime) -> Subscription:
        if subscription_id not in self.subscriptions:
            raise NotFoundError("Graph", "PATCH /v1.0/subscriptions/{id}", "HTTP 404")
        self.subscriptions[subscription_id] = expires
        return Subscription(id=subscription_id, expirationDateTime=expires)


@dataclass
class FakeTeams:
    """Teams: users with entries; setting Microsoft drops what was there, as the service does."""

    known: dict[str, ServiceUser] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    set_errors: dict[str, Exception] = field(default_factory=dict)
    sets: list[tuple[str, bool, str | None]] = field(default_factory=list)
    reads: int = 0
    lag: int = 0
    """Reads after a set that still show the old state."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    _before: dict[str, tuple[int, ServiceUser]] = field(default_factory=dict)

    def add(self, *users: ServiceUser) -> None:
        self.known |= {user.id: user for user in users}

    async def user(self, user_id: str) -> ServiceUser | None:
        self.reads += 1
        if error := self.errors.get(user_id):
            raise error
        left, old = self._before.get(user_id, (0, None))
        if left and old:
            self._before[user_id] = (left - 1, old)
            return old
        return self.known.get(user_id)

    async def pages(self, start: str | None = None) -> AsyncIterator[Page]:
        users = list(self.known.values())
        for at in range(0, len(users), 3):
            yield Page(users[at : at + 3], None, self.faults if at == 0 else [])

    async def set_microsoft(
        self, user_id: str, *, replace: bool, number: str | None = None
    ) -> None:
        self.sets.append((user_id, replace, number))
        if error := self.set_errors.get(user_id):
            raise error
        user = self.known[user_id]
        self._before[user_id] = (self.lag, user)
        self.known[user_id] = dataclasses.replace(user, entries=(microsoft(number or "+15550199"),))


@dataclass
class FakeReplaced:
    """Saved entries; `down` makes every save fail."""

    saved: list[ServiceUser] = field(default_factory=list)
    down: bool = False

    async def save(self, user: ServiceUser, now: datetime) -> bool:
        if self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        self.saved.append(user)
        return True


@dataclass
class FakeUsers:
    """Recorded outcomes; users in `down` cannot be recorded."""

    results: dict[str, UserResult] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    async def record(self, result: UserResult, cause: str, now: datetime) -> None:
        if result.user_id in self.down:
            raise StorageError("write in table users", "HttpResponseError")
        self.results[result.user_id] = result


@dataclass
class FakeWaiting:
    """Waiting rows."""

    rows: dict[str, Waiting] = field(default_factory=dict)

    async def get(self, user_id: str) -> Waiting | None:
        return self.rows.get(user_id)

    async def put(self, waiting: Waiting) -> None:
        self.rows[waiting.user_id] = waiting

    async def remove(self, user_id: str) -> None:
        self.rows.pop(user_id, None)

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

    runs: list[Run] = field(default_factory=list)
    results: dict[str, list[UserResult]] = field(default_factory=dict)

    async def put(self, run: Run) -> None:
        self.runs.append(run)

    async def record(self, run: str, results: Sequence[UserResult], now: datetime) -> None:
        self.results.setdefault(run, []).extend(results)


@dataclass
class FakeState:
    """The subscription; counts how often it is read."""

    known: SubscriptionState | None = None
    reads: int = 0

    async def subscription(self) -> SubscriptionState | None:
        self.reads += 1
        return self.known

    async def put_subscription(self, subscription: SubscriptionState) -> None:
        self.known = subscription


@dataclass
class FakeQueue:
    """Sent messages; `down` makes sending fail."""

    texts: list[str] = field(default_factory=list)
    down: bool = False

    async def send(self, texts: Sequence[str]) -> None:
        if self.down:
            raise StorageError("send to queue moves", "HttpResponseError")
        self.texts.extend(texts)
