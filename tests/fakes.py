"""Fakes of what the services ask for: small, in memory, with the awkward sides switched on by tests."""

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.clients.graph_models import DeltaPage, Subscription
from shared.clients.teams_models import Page
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import (
    AccountType,
    DirectoryUser,
    PlanStatus,
    ProviderEntry,
    ServiceUser,
)
from shared.domain.waiting import Waiting
from shared.errors import (
    NotFoundError,
    RefusedError,
    ServiceError,
    StorageError,
    TooLargeError,
    UnreachableError,
)
from shared.storage.plans import PagePlan
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
    down: Exception | None = None
    live: dict[str, datetime] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    latest_links: int = 1
    delta_links: list[str] = field(default_factory=list)
    delta_pages: list[DeltaPage] = field(default_factory=list)
    delta_error: ServiceError | None = None
    reprocessed: list[str] = field(default_factory=list)
    reprocess_error: ServiceError | None = None
    create_error: ServiceError | None = None
    one_subscription_only: bool = False
    """Whether Graph refuses a second subscription (409), as it documents."""

    def add(self, *users: DirectoryUser) -> None:
        self.known |= {user.id: user for user in users}

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        if self.down:
            raise self.down
        missing = NotFoundError("Graph", "POST /v1.0/$batch", "HTTP 404")
        everything: dict[str, DirectoryUser | ServiceError] = {**self.known, **self.errors}
        return {user: everything.get(user, missing) for user in ids}

    async def licensed_ids(self, *, rooms: bool) -> AsyncIterator[list[str]]:
        if self.down:
            raise self.down
        users = self.known.values()
        yield [user.id for user in users if user.licensed and (rooms or not user.is_room)]

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> Subscription:
        if self.create_error:
            raise self.create_error
        if self.one_subscription_only and self.live:
            raise RefusedError("Graph", "POST /v1.0/subscriptions", "HTTP 409", "Conflict", 409)
        name = f"subscription-{len(self.created) + 1}"
        self.created.append(url)
        self.live[name] = expires
        return Subscription(id=name, expirationDateTime=expires)

    async def renew_subscription(self, subscription_id: str, expires: datetime) -> Subscription:
        if subscription_id not in self.live:
            raise NotFoundError("Graph", "PATCH /v1.0/subscriptions/{id}", "HTTP 404")
        self.live[subscription_id] = expires
        return Subscription(id=subscription_id, expirationDateTime=expires)

    async def subscriptions(self) -> list[Subscription]:
        return [
            Subscription(
                id=name,
                expirationDateTime=end,
                notificationUrl=self.created[int(name.rsplit("-", 1)[1]) - 1],
            )
            for name, end in self.live.items()
        ]

    async def delete_subscription(self, subscription_id: str) -> None:
        if self.live.pop(subscription_id, None) is None:
            raise NotFoundError("Graph", "DELETE /v1.0/subscriptions/{id}", "HTTP 404")

    async def latest_delta_link(self) -> str:
        return f"latest-{self.latest_links}"

    async def changes(self, link: str) -> AsyncIterator[DeltaPage]:
        self.delta_links.append(link)
        if self.delta_error:
            raise self.delta_error
        for page in self.delta_pages:
            yield page

    async def reprocess(self, user_id: str) -> None:
        if self.reprocess_error:
            raise self.reprocess_error
        self.reprocessed.append(user_id)


@dataclass
class FakeTeams:
    """Teams: users with entries; setting Microsoft drops what was there, as the service does."""

    known: dict[str, ServiceUser] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    set_errors: dict[str, Exception] = field(default_factory=dict)
    sets: list[tuple[str, bool, str | None]] = field(default_factory=list)
    reads: int = 0
    takes_effect_and_fails: bool = False
    """Whether the next set happens and answers an error all the same."""
    lag: int = 0
    """Reads after a set that still show the old state."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    page_size: int = 3
    pages_read: list[int] = field(default_factory=list)
    stop_at: int | None = None
    """The user at which the listing breaks off with `stop_with`."""
    stop_with: ServiceError = field(
        default_factory=lambda: UnreachableError("Teams", "GET /Teams.User/users", "ReadTimeout")
    )
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
        for at in range(int(start or 0), max(len(users), 1), self.page_size):
            if self.stop_at is not None and at >= self.stop_at:
                raise self.stop_with
            self.pages_read.append(at)
            following = at + self.page_size
            link = str(following) if following < len(users) else None
            yield Page(users[at:following], link, self.faults if at == 0 else [])

    async def set_microsoft(
        self, user_id: str, *, replace: bool, number: str | None = None
    ) -> None:
        self.sets.append((user_id, replace, number))
        if error := self.set_errors.get(user_id):
            raise error
        user = self.known[user_id]
        self._before[user_id] = (self.lag, user)
        self.known[user_id] = dataclasses.replace(user, entries=(microsoft(number or "+15550199"),))
        if self.takes_effect_and_fails:
            self.takes_effect_and_fails = False
            raise UnreachableError("Teams", "PUT /Teams.Cpc/users/{id}", "ReadTimeout")


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
class FakeState:
    """The single things; counts how often the subscription is read."""

    known: SubscriptionState | None = None
    reads: int = 0
    link: str | None = None
    sweep: str | None = None
    wanted: bool = False
    released: list[str] = field(default_factory=list)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    async def subscription(self) -> SubscriptionState | None:
        self.reads += 1
        return self.known

    async def put_subscription(self, subscription: SubscriptionState) -> None:
        self.known = subscription

    async def delta_link(self) -> str | None:
        return self.link

    async def put_delta_link(self, link: str) -> None:
        self.link = link

    async def current_sweep(self) -> str | None:
        return self.sweep

    async def put_current_sweep(self, run: str | None) -> None:
        self.sweep = run

    async def sweep_requested(self) -> bool:
        return self.wanted

    async def request_sweep(self, wanted: bool = True) -> None:
        self.wanted = wanted

    async def released_sweeps(self) -> list[str]:
        return list(self.released)

    async def add_released_sweep(self, run: str) -> None:
        self.released.append(run)

    async def remove_released_sweep(self, run: str) -> None:
        self.released = [known for known in self.released if known != run]

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        holder, until = self.leases.get(name, ("" if renew else owner, now))
        if holder != owner and (renew or until > now):
            return False
        self.leases[name] = (owner, now + span)
        return True

    async def release(self, name: str, owner: str, now: datetime) -> None:
        if self.leases.get(name, ("", now))[0] == owner:
            del self.leases[name]


@dataclass
class FakeQueue:
    """Sent messages; `down` makes sending fail."""

    texts: list[str] = field(default_factory=list)
    down: bool = False

    async def send(self, texts: Sequence[str]) -> None:
        if self.down:
            raise StorageError("send to queue moves", "HttpResponseError")
        self.texts.extend(texts)
