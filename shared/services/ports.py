"""Ports of the services: what they need from clients and storage, in the domain's types.

One port per service or table; `shared.clients` and `shared.storage` implement them, tests have fakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import date, datetime, timedelta

    from shared.domain.bridges import BridgeNumber
    from shared.domain.capabilities import Capabilities
    from shared.domain.decision import Rules
    from shared.domain.listing import ChangePage, Provider, TeamsPage, TenantSwitches
    from shared.domain.messages import Message, PoisonMessage
    from shared.domain.move_request import MoveRequest, RequestPage
    from shared.domain.outcome import UserResult
    from shared.domain.retry import Waiting
    from shared.domain.roster import RosterDay, RosterEntry, Standing
    from shared.domain.run import Run, Signal, SweepPage
    from shared.domain.saved import KnownUser, ReplacedProvider
    from shared.domain.subscription import ChangeSubscription, GraphSubscription
    from shared.domain.user import DirectoryUser, ServiceUser
    from shared.errors import ServiceError


class Groups(Protocol):
    """The part of Graph for group memberships."""

    def members(self, group: str) -> AsyncIterator[list[str]]:
        """Yield the ids of a group's users, page by page; SettingsError: no such group."""
        ...


class Subscriptions(Protocol):
    """The part of Graph for change subscriptions."""

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> GraphSubscription:
        """Subscribe `url` to changes of users."""
        ...

    async def renew_subscription(
        self, subscription_id: str, expires: datetime
    ) -> GraphSubscription:
        """Extend a subscription; NotFoundError: it is gone."""
        ...

    async def subscriptions(self) -> list[GraphSubscription]:
        """Return all subscriptions of this app."""
        ...

    async def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription; NotFoundError: it is gone."""
        ...


class Directory(Groups, Subscriptions, Protocol):
    """Microsoft Graph."""

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        """Return each of at most 20 users, or the error of that user."""
        ...

    def licensed_ids(self, *, rooms: bool) -> AsyncIterator[list[str]]:
        """Yield the ids of all licensed users, with or without rooms, page by page."""
        ...

    async def latest_delta_link(self) -> str:
        """Return the link from which `changes` reports what happens after now."""
        ...

    def changes(self, link: str) -> AsyncIterator[ChangePage]:
        """Yield the pages of changes since `link`; ExpiredError: the link is too old."""
        ...

    async def reprocess(self, user_id: str) -> None:
        """Ask Graph to reprocess the user's license assignment."""
        ...


class Bridges(Protocol):
    """The part of Teams for the tenant's conference bridges."""

    async def bridge_numbers(self) -> list[BridgeNumber]:
        """Return the numbers of all bridges."""
        ...


class Tenant(Bridges, Protocol):
    """The part of Teams for tenant-wide data."""

    def check_takes(self, request: MoveRequest) -> None:
        """Raise ConflictError when this service cannot do what a request asks for."""
        ...

    async def providers(self) -> list[Provider]:
        """Return the tenant's third-party providers."""
        ...

    async def switches(self) -> TenantSwitches | None:
        """Return the tenant-wide switches that decide which side effects a move has; None: not known."""
        ...


class Conferencing(Protocol):
    """The part of Teams for users and their provider entries."""

    async def user(self, user_id: str, *, first: bool = False) -> ServiceUser | None:
        """Return the service's view of a user, or None. first: before calls that are not `first`."""
        ...

    def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        """Yield all users, page by page, from the beginning or from a page's link."""
        ...

    async def bridge_of(self, number: str) -> str:
        """Return the id of a number's bridge; InputError: the number is on no bridge."""
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
        within: float | None = None,
    ) -> None:
        """Make Microsoft the user's provider, before calls that are not begun.

        LateTurnError: the call did not get its turn within so many seconds; it was not made.
        """
        ...


class RuleSource(Protocol):
    """The rules as they hold now."""

    async def current(self) -> Rules:
        """Return the rules; ServiceError, StorageError: not known, so nobody may be changed."""
        ...


class Users(Protocol):
    """Table `users`: the last known states."""

    async def moved_at(self, user_id: str) -> datetime | None:
        """Return when the system last moved the user, or None."""
        ...

    async def known(self, user_id: str) -> KnownUser | None:
        """Return the user's last known state, or None."""
        ...

    async def record_result(
        self, result: UserResult, signal: Signal, now: datetime, run: str | None = None
    ) -> None:
        """Write what an attempt found, for a run or by itself."""
        ...


class ReplacedProviders(Protocol):
    """Table `replacedproviders`: the saved entries."""

    async def save_entries(
        self, user: ServiceUser, now: datetime, *, for_move: bool = False
    ) -> bool:
        """Save all entries durably; return whether they were new. StorageError: not saved."""
        ...

    async def cancel_move(self, user: ServiceUser, now: datetime) -> None:
        """Remember that the move begun with these entries did not happen."""
        ...

    async def last_move(self, user_id: str) -> tuple[str, datetime] | None:
        """Return the provider that the last begun move replaces and when it began, or None."""
        ...

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        ...


class WaitingUsers(Protocol):
    """Table `waiting`: users to retry later, and users who need attention."""

    async def find_waiting(self, user_id: str) -> Waiting | None:
        """Return the user's row, or None."""
        ...

    async def save_waiting(self, waiting: Waiting) -> None:
        """Write the user's row."""
        ...

    async def remove_waiting(self, user_id: str, looked_at: datetime) -> Waiting | None:
        """Remove the user from the lists, unless a later attempt listed the user; return the old row."""
        ...

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the waiting users, due or not."""
        ...

    def attention(self) -> AsyncIterator[Waiting]:
        """Yield the users who need attention."""
        ...

    async def claim(self, user_id: str, until: datetime) -> None:
        """Postpone a due user until `until`; no row: nothing happens."""
        ...

    def due(self, now: datetime) -> AsyncIterator[str]:
        """Yield the ids of the users who are due."""
        ...


class Runs(Protocol):
    """Tables `runs` and `runresults`."""

    async def save_run(self, run: Run) -> None:
        """Write the run's current state."""
        ...

    async def find_run(self, run: str) -> Run | None:
        """Return the run, or None."""
        ...

    def runs_of_month(self, month: datetime) -> AsyncIterator[Run]:
        """Yield the runs that started in a month, oldest first."""
        ...

    async def record_results(self, run: str, results: Sequence[UserResult], now: datetime) -> None:
        """Write the results of some users of a run."""
        ...

    def results(self, run: str) -> AsyncIterator[UserResult]:
        """Yield the results of the users of a run."""
        ...


class MoveRequests(Protocol):
    """Table `requests`: move requests, page by page."""

    async def save_page(self, run: str, page: RequestPage) -> None:
        """Write a page, unless it exists."""
        ...

    async def save_request(self, run: str, request: MoveRequest) -> None:
        """Store provider and options of a request; the names are in the pages."""
        ...

    async def request(self, run: str) -> MoveRequest:
        """Return provider and options of a request."""
        ...

    async def mark_mailed(self, run: str, user_id: str) -> bool:
        """Remember that a mail to a user of a run is about to be asked for; False: it was before."""
        ...

    async def unmark_mailed(self, run: str, user_id: str) -> None:
        """Forget that a mail was about to be asked for: it was not."""
        ...

    async def claim_page(
        self, run: str, number: int, now: datetime, until: datetime
    ) -> RequestPage | None:
        """Return a page that is left to do, ours until then; None: it is done, or there is none.

        BusyError: somebody else is carrying it out.
        """
        ...

    async def give_up_page(self, run: str, number: int) -> None:
        """Let anybody carry a page out again."""
        ...

    async def mark_done(self, run: str, number: int) -> None:
        """Mark the page as done: every user of it has a result."""
        ...

    def pages(self, run: str) -> AsyncIterator[RequestPage]:
        """Yield the run's pages in order."""
        ...

    async def page(self, run: str, number: int) -> RequestPage | None:
        """Return one page, or None."""
        ...

    async def is_left(self, run: str) -> bool:
        """Return whether a page of the run is not done."""
        ...

    async def run_of(self, key: str, run: str, asked: str) -> str:
        """Return the run of an idempotency key; ConflictError: it was sent with another request."""
        ...


class SweepPages(Protocol):
    """Table `plans`: the findings of each page of a sweep."""

    async def save_sweep_page(self, run: str, page: SweepPage) -> None:
        """Write a page; the same page again replaces it."""
        ...

    async def mark_sent(self, run: str, number: int) -> None:
        """Mark the page's users as queued."""
        ...

    def pages(self, run: str) -> AsyncIterator[SweepPage]:
        """Yield the run's pages in order."""
        ...

    async def delete(self, run: str) -> None:
        """Delete the run's pages."""
        ...


class CapabilityStore(Protocol):
    """The part of table `state` for what the service tells and takes."""

    async def capabilities(self) -> Capabilities | None:
        """Return what was found last, or None."""
        ...

    async def save_capabilities(self, found: Capabilities) -> None:
        """Remember what was found."""
        ...


class State(CapabilityStore, Protocol):
    """Table `state`: the app's own state."""

    async def subscription(self) -> ChangeSubscription | None:
        """Return the stored subscription, or None."""
        ...

    async def save_subscription(self, subscription: ChangeSubscription) -> None:
        """Store the subscription."""
        ...

    async def delta_at(self) -> datetime | None:
        """Return when the delta link was stored, or None before the first."""
        ...

    async def delta_link(self) -> str | None:
        """Return where the next catch-up resumes, or None before the first."""
        ...

    async def save_delta_link(self, link: str) -> None:
        """Store where the next catch-up resumes."""
        ...

    async def current_sweep(self) -> str | None:
        """Return the id of the unfinished sweep, or None."""
        ...

    async def save_current_sweep(self, run: str | None) -> None:
        """Store the id of the unfinished sweep; None: there is none."""
        ...

    async def sweep_requested(self) -> bool:
        """Return whether a sweep is requested."""
        ...

    async def request_sweep(self, wanted: bool = True) -> None:
        """Request a sweep; False: it was begun."""
        ...

    async def released_sweeps(self) -> list[str]:
        """Return the ids of the released sweeps."""
        ...

    async def add_released_sweep(self, run: str) -> None:
        """Store the id of a released sweep."""
        ...

    async def remove_released_sweep(self, run: str) -> None:
        """Remove a released sweep: it is done."""
        ...

    async def excluded_ids(self) -> Mapping[str, str]:
        """Return the ids of the users who are excluded by name, as they were found first."""
        ...

    async def save_excluded_ids(self, ids: Mapping[str, str]) -> None:
        """Remember the ids of the users who are excluded by name."""
        ...

    async def protection(self) -> Mapping[str, str] | None:
        """Return what the app's protecting settings are, or None before it stored them."""
        ...

    async def save_protection(self, settings: Mapping[str, str]) -> None:
        """Remember what the app's protecting settings are."""
        ...

    async def rule_faults(self) -> Sequence[str]:
        """Return what the last check of the rules found wrong."""
        ...

    async def save_rule_faults(self, faults: Sequence[str]) -> None:
        """Remember what a check of the rules found wrong."""
        ...

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        """Take a lease, or renew one that no other holder has taken since; False: another holder has it."""
        ...

    async def release(self, name: str, owner: str, now: datetime) -> None:
        """Release a lease, if it is still ours."""
        ...


class Queue(Protocol):
    """A queue."""

    async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
        """Send every message; returns when all are queued. delay: seconds until they are visible."""
        ...


class Poison[Content](Protocol):
    """A poison queue."""

    def messages(self) -> AsyncIterator[PoisonMessage[Content]]:
        """Yield each visible message once."""
        ...

    async def delete(self, message: PoisonMessage[Content]) -> None:
        """Remove a message that was recorded."""
        ...


class Roster(Protocol):
    """Table `roster`: what was last seen of each user."""

    async def note(
        self, entries: Iterable[RosterEntry], now: datetime, signal: Signal | None = None
    ) -> None:
        """Write what attempts saw (signal: what led to them), or a listing (None)."""
        ...

    async def insert(self, entries: Iterable[RosterEntry], now: datetime) -> None:
        """Write what a listing tells of users who have probably no row yet."""
        ...

    def listed(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield each user, in the order of ids, with the digest of what a listing told."""
        ...

    async def of(self, user_id: str) -> RosterEntry | None:
        """Return what was last seen of a user."""
        ...

    async def page(
        self, standing: Standing, limit: int, after: str = "", address: str = ""
    ) -> tuple[list[RosterEntry], str | None]:
        """Return users of a list in the order of addresses, and where the next page begins."""
        ...

    async def counts(self) -> dict[str, int]:
        """Return how many users are on each list."""
        ...

    async def days(self, first: date) -> list[RosterDay]:
        """Return the figures of each day since `first` on which anything changed, in order."""
        ...

    async def remove(self, users: Iterable[str], now: datetime) -> None:
        """Take users off the roster."""
        ...
