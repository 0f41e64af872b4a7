"""What the services ask of the world; `clients` and `storage` give it, tests give fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from shared.clients.graph_models import DeltaPage, Subscription
    from shared.clients.teams_models import Page
    from shared.domain.outcome import UserResult
    from shared.domain.user import DirectoryUser, ServiceUser
    from shared.domain.waiting import Waiting
    from shared.errors import ServiceError
    from shared.storage.plans import PagePlan
    from shared.storage.poison import PoisonMessage
    from shared.storage.requests import RequestPage, Wish
    from shared.storage.runs import Run
    from shared.storage.state import SubscriptionState


class Directory(Protocol):
    """Graph."""

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        """Return each of at most 20 users, or the error that met just that one."""
        ...

    def licensed_ids(self, *, rooms: bool) -> AsyncIterator[list[str]]:
        """Yield the ids of all licensed users, with or without rooms, page by page."""
        ...

    def members(self, group: str) -> AsyncIterator[list[str]]:
        """Yield the ids of a group's users, page by page; SettingsError: no such group."""
        ...

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> Subscription:
        """Subscribe `url` to changes of users."""
        ...

    async def renew_subscription(self, subscription_id: str, expires: datetime) -> Subscription:
        """Move the end of a subscription; NotFoundError: it is gone."""
        ...

    async def subscriptions(self) -> list[Subscription]:
        """Return all subscriptions of this app."""
        ...

    async def delete_subscription(self, subscription_id: str) -> None:
        """End a subscription; NotFoundError: it is gone."""
        ...

    async def latest_delta_link(self) -> str:
        """Return the link from which `changes` tells what happens after now."""
        ...

    def changes(self, link: str) -> AsyncIterator[DeltaPage]:
        """Yield the pages of changes since `link`; ExpiredError: the link is too old."""
        ...

    async def reprocess(self, user_id: str) -> None:
        """Ask Graph to process the user's license assignment again."""
        ...


class Conferencing(Protocol):
    """Teams."""

    async def user(self, user_id: str) -> ServiceUser | None:
        """Return the service's view of a user, or None."""
        ...

    def pages(self, start: str | None = None) -> AsyncIterator[Page]:
        """Yield all users, page by page."""
        ...

    async def bridge_of(self, number: str) -> str:
        """Return the id of the bridge that a number is on; InputError: it is on none."""
        ...

    async def set_microsoft(
        self,
        user_id: str,
        *,
        replace: bool,
        number: str | None = None,
        toll_free: str | None = None,
        bridge: str | None = None,
        send_email: bool = False,
    ) -> None:
        """Make Microsoft the user's provider."""
        ...


class Users(Protocol):
    """Last known states."""

    async def moved_at(self, user_id: str) -> datetime | None:
        """Return when the system last moved the user, or None."""
        ...

    async def record(self, result: UserResult, cause: str, now: datetime) -> None:
        """Write what a look found."""
        ...


class ReplacedProviders(Protocol):
    """Saved entries."""

    async def save(self, user: ServiceUser, now: datetime, *, for_move: bool = False) -> bool:
        """Save all entries durably; StorageError: not saved."""
        ...

    async def last_move(self, user_id: str) -> tuple[str, datetime] | None:
        """Return the provider that the last begun move replaces and when it began, or None."""
        ...


class WaitingUsers(Protocol):
    """Users to be looked at again, and those who need attention."""

    async def get(self, user_id: str) -> Waiting | None:
        """Return the user's row, or None."""
        ...

    async def put(self, waiting: Waiting) -> None:
        """Write the user's row."""
        ...

    async def remove(self, user_id: str, looked_at: datetime) -> Waiting | None:
        """Take the user off the lists, unless a later look put the user there; return the old row."""
        ...

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the users who wait, due or not."""
        ...

    def attention(self) -> AsyncIterator[Waiting]:
        """Yield the users who need a person's attention."""
        ...

    async def claim(self, user_id: str, until: datetime) -> None:
        """Keep a due user from being due again before `until`; no row: nothing happens."""
        ...

    def due(self, now: datetime) -> AsyncIterator[Waiting]:
        """Yield the users whose time has come."""
        ...


class Runs(Protocol):
    """Runs and their results."""

    async def put(self, run: Run) -> None:
        """Write the run as it is now."""
        ...

    async def get(self, run: str) -> Run | None:
        """Return the run, or None."""
        ...

    async def record(self, run: str, results: Sequence[UserResult], now: datetime) -> None:
        """Write what happened to some users of a run."""
        ...

    def results(self, run: str) -> AsyncIterator[UserResult]:
        """Yield what happened to the users of a run."""
        ...


class Requests(Protocol):
    """The users that people asked to move."""

    async def put(self, run: str, page: RequestPage) -> None:
        """Write a page; the same page again replaces it."""
        ...

    async def put_wish(self, run: str, wish: Wish) -> None:
        """Remember what was asked for, beside the names."""
        ...

    async def wish(self, run: str) -> Wish:
        """Return what was asked for, beside the names."""
        ...

    async def mark_done(self, run: str, number: int) -> None:
        """Remember that every user of the page has a result."""
        ...

    def pages(self, run: str) -> AsyncIterator[RequestPage]:
        """Yield the run's pages in order."""
        ...


class Plans(Protocol):
    """What each page of a sweep found."""

    async def put(self, run: str, page: PagePlan) -> None:
        """Write a page; the same page again replaces it."""
        ...

    async def mark_sent(self, run: str, number: int) -> None:
        """Remember that the queue has the page's users."""
        ...

    def pages(self, run: str) -> AsyncIterator[PagePlan]:
        """Yield the run's pages in order."""
        ...

    async def delete(self, run: str) -> None:
        """Forget the run's pages."""
        ...


class State(Protocol):
    """The single things that are remembered."""

    async def subscription(self) -> SubscriptionState | None:
        """Return what is known of the subscription, or None."""
        ...

    async def put_subscription(self, subscription: SubscriptionState) -> None:
        """Remember the subscription."""
        ...

    async def delta_at(self) -> datetime | None:
        """Return when the delta link was stored, or None before the first."""
        ...

    async def delta_link(self) -> str | None:
        """Return where the next catch-up goes on, or None before the first."""
        ...

    async def put_delta_link(self, link: str) -> None:
        """Remember where the next catch-up goes on."""
        ...

    async def current_sweep(self) -> str | None:
        """Return the id of the sweep that is not finished, or None."""
        ...

    async def put_current_sweep(self, run: str | None) -> None:
        """Remember the sweep that is not finished; None: there is none."""
        ...

    async def sweep_requested(self) -> bool:
        """Return whether a sweep has to be begun."""
        ...

    async def request_sweep(self, wanted: bool = True) -> None:
        """Remember that a sweep has to be begun; False: it was."""
        ...

    async def released_sweeps(self) -> list[str]:
        """Return the ids of the held sweeps that a person released."""
        ...

    async def add_released_sweep(self, run: str) -> None:
        """Remember a sweep that a person released."""
        ...

    async def remove_released_sweep(self, run: str) -> None:
        """Forget a released sweep: it is done."""
        ...

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        """Take a lease, or renew one that nobody else had since; False: it is somebody else's."""
        ...

    async def release(self, name: str, owner: str, now: datetime) -> None:
        """Give a lease back, if it is still ours."""
        ...


class Queue(Protocol):
    """The queue of users to look at."""

    async def send(self, texts: Sequence[str], delay: float = 0) -> None:
        """Send every message; returns when the queue has all. delay: seconds before they are seen."""
        ...


class Poison(Protocol):
    """The poison queue."""

    def messages(self) -> AsyncIterator[PoisonMessage]:
        """Yield each visible message once."""
        ...

    async def delete(self, message: PoisonMessage) -> None:
        """Remove a message that was recorded."""
        ...
