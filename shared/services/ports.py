"""Ports of the services: what they need from clients and storage, in the domain's types.

One port per service or table; `shared.clients` and `shared.storage` implement them, tests have fakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared.domain.options import DEFAULT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import date, datetime, timedelta

    from shared.domain.bridges import BridgeNumber
    from shared.domain.capabilities import Capabilities
    from shared.domain.claim import BegunMove, Claim
    from shared.domain.decision import Action, Rules
    from shared.domain.guard import Slot
    from shared.domain.held import HeldUser
    from shared.domain.history import HistoryRecord
    from shared.domain.listing import ChangePage, Provider, TeamsPage, TenantSwitches
    from shared.domain.messages import Message, PoisonMessage
    from shared.domain.move_request import MoveRequest, RequestPage
    from shared.domain.options import MoveOptions, OwnNumbers
    from shared.domain.outcome import UserResult
    from shared.domain.pause import Pause, RequestedBy
    from shared.domain.retention import StoredRun
    from shared.domain.retry import DueUser, SettledUser, Waiting
    from shared.domain.roster import RosterDay, RosterEntry, Standing
    from shared.domain.run import Run, Signal, SweepPage, SweepRequest
    from shared.domain.saved import KnownUser, ReplacedProvider, SavedKeys
    from shared.domain.stored import Person
    from shared.domain.subscription import ChangeSubscription, GraphSubscription
    from shared.domain.user import ConferencingUser, DirectoryUser, ServiceUser
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

    async def conferencing_user(self, user_id: str) -> ConferencingUser:
        """Return what Microsoft's conferencing has of a user, before calls that are not begun.

        NotFoundError: the user is not a conferencing user.
        """
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

    async def current(self, options: MoveOptions = DEFAULT_OPTIONS) -> Rules:
        """Return the rules of a run with these options, and with the bridges of the numbers in them.

        ServiceError, StorageError: not known, so nobody may be changed.
        """
        ...


class Users(Protocol):
    """Table `users`: the last known states."""

    async def known(self, user_id: str) -> KnownUser | None:
        """Return the user's last known state, or None."""
        ...

    async def record_result(
        self,
        result: UserResult,
        signal: Signal,
        now: datetime,
        run: str | None = None,
        *,
        began: datetime | None = None,
    ) -> None:
        """Write what an attempt found, for a run or by itself, unless one that began later did."""
        ...


class ReplacedProviders(Protocol):
    """Table `replacedproviders`: the saved entries."""

    async def save_entries(
        self, user: ServiceUser, now: datetime, known: SavedKeys | None = None
    ) -> bool:
        """Save all entries durably; return whether they were new. StorageError: not saved.

        known: what is saved already is not offered to the table.
        """
        ...

    async def saved_keys(self) -> SavedKeys:
        """Return the keys of all records, at one request per 1,000."""
        ...

    async def claim(self, user: ServiceUser, claim: Claim, action: Action) -> None:
        """Save the third party's entries that an action would destroy, and claim the change.

        BusyError: somebody else holds it. StorageError: not saved, so nothing may be changed.
        """
        ...

    async def settle_claim(self, user: ServiceUser, claim: Claim, now: datetime) -> None:
        """Let a claim end soon, because its change was seen."""
        ...

    async def save_conferencing(self, before: ConferencingUser, upn: str, now: datetime) -> None:
        """Save a conferencing user durably. StorageError: not saved."""
        ...

    async def take_over(self, user_id: str, claim: Claim) -> None:
        """Claim the last begun change, to tell of it; BusyError: somebody else holds it."""
        ...

    async def cancel_move(self, user: ServiceUser, now: datetime) -> None:
        """Remember that the change begun with these entries did not happen."""
        ...

    async def last_move(self, user_id: str, run: str | None = None) -> BegunMove | None:
        """Return the last change that was begun for a run, else the last one; cancelled ones are none."""
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

    async def remove_waiting(self, result: UserResult, looked_at: datetime) -> Waiting | None:
        """Remove the user from the lists, unless a later attempt listed the user; return the old row.

        The runs that tell of the user have to be told the result: it is kept for them.
        """
        ...

    async def acknowledge(self, user_id: str, by: str, at: datetime) -> Waiting | None:
        """Record who knows that the user needs attention; return the row, None: the user does no more."""
        ...

    async def add_settled(self, result: UserResult, runs: Sequence[str]) -> None:
        """Keep the result of a user for runs; those of a user who still waits are told the last one."""
        ...

    def settled(self) -> AsyncIterator[SettledUser]:
        """Yield the users whose final outcome some runs have to be told."""
        ...

    async def forget_settled(self, user: SettledUser) -> None:
        """Remove what was kept for runs that know it now, unless the row was changed since."""
        ...

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the waiting users, due or not."""
        ...

    def attention(self) -> AsyncIterator[Waiting]:
        """Yield the users who need attention."""
        ...

    async def claim(self, due: DueUser, until: datetime) -> bool:
        """Postpone a due user until `until`; False: the row was changed or removed meanwhile."""
        ...

    def due(self, now: datetime) -> AsyncIterator[DueUser]:
        """Yield the users who are due."""
        ...


class Runs(Protocol):
    """Tables `runs` and `runresults`."""

    async def save_run(self, run: Run) -> Run:
        """Write the run's current state and return it as stored; StaleError: somebody else wrote it."""
        ...

    async def find_run(self, run: str) -> Run | None:
        """Return the run, or None; UnreadableRowError: its row is damaged or of a newer version."""
        ...

    async def first_month(self) -> str | None:
        """Return the month of the oldest run, as `202611`; None: there is no run."""
        ...

    def runs_of_month(self, month: datetime, before: str = "") -> AsyncIterator[Run]:
        """Yield the runs that started in a month, oldest first. before: only those with lower ids."""
        ...

    async def record_results(
        self,
        run: str,
        results: Sequence[UserResult],
        now: datetime,
        began: datetime | None = None,
    ) -> None:
        """Write the results of some users of a run; that of an attempt which began later stays."""
        ...

    def results(self, run: str) -> AsyncIterator[UserResult]:
        """Yield the results of the users of a run."""
        ...


class History(Protocol):
    """Table `history`: what happened to each user."""

    async def add(self, record: HistoryRecord) -> None:
        """Add a record, unless it is there. StorageError: it was not added."""
        ...

    async def page(
        self, users: Sequence[str], limit: int, after: str = ""
    ) -> tuple[list[HistoryRecord], str | None]:
        """Return at most `limit` records of users, the newest first, and where the next page begins."""
        ...

    async def has_move_until(self, user: str, moment: datetime) -> bool:
        """Return whether a move that began before a time is recorded."""
        ...


class NewestRuns(Protocol):
    """The part of table `runs` for people who look at the last ones."""

    async def newest(self, now: datetime, limit: int, before: str = "") -> list[Run]:
        """Return at most `limit` runs of this month and the one before, the newest first."""
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

    async def save_own_numbers(self, run: str, numbers: Mapping[str, OwnNumbers]) -> None:
        """Store the numbers of some users (at most 100) by id: whoever is held and released gets them."""
        ...

    async def own_numbers(self, run: str, users: Sequence[str]) -> Mapping[str, OwnNumbers]:
        """Return the numbers of those of some users who have numbers of their own in a run, by id."""
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

    async def give_up_page(self, run: str, number: int, until: datetime) -> None:
        """Let anybody carry out a page again that we claimed until then."""
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
        """Write a page; the same page again adds its users."""
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

    async def save_subscription(
        self, subscription: ChangeSubscription, before: ChangeSubscription | None
    ) -> None:
        """Store the subscription in place of `before`; StaleError: another is stored by now."""
        ...

    async def delta_at(self) -> datetime | None:
        """Return when a catch-up last came to its end, or None before the first."""
        ...

    async def delta_link(self) -> str | None:
        """Return where the next catch-up resumes, or None before the first.

        UnreadableRowError: nobody knows any more.
        """
        ...

    async def save_delta_link(
        self, link: str, before: str | None, completed_at: datetime | None = None
    ) -> None:
        """Store where the next catch-up resumes, in place of `before`; StaleError: it is another by now.

        completed_at: when all changes were read, if they were.
        """
        ...

    async def current_sweep(self) -> str | None:
        """Return the id of the unfinished sweep, or None."""
        ...

    async def save_current_sweep(self, run: str | None, before: str | None) -> None:
        """Store the id of the unfinished sweep in place of `before`; StaleError: it is another by now."""
        ...

    async def sweep_request(self) -> SweepRequest | None:
        """Return the requested sweep, or None."""
        ...

    async def request_sweep(self) -> None:
        """Request a sweep that begins after now."""
        ...

    async def save_sweep_request(
        self, request: SweepRequest | None, before: SweepRequest | None
    ) -> None:
        """Store a request in place of `before`; None: it is served; StaleError: it is another by now."""
        ...

    async def released_sweeps(self) -> list[str]:
        """Return the ids of the released runs."""
        ...

    async def add_released_sweep(self, run: str) -> None:
        """Store the id of a released run."""
        ...

    async def remove_released_sweep(self, run: str) -> None:
        """Remove a released run: it is done."""
        ...

    async def open_runs(self) -> list[str]:
        """Return the ids of the runs whose results are counted again."""
        ...

    async def add_open_run(self, run: str) -> None:
        """Have a run's results counted until everybody has an outcome."""
        ...

    async def remove_open_run(self, run: str) -> None:
        """Count a run's results no more."""
        ...

    async def pause(self) -> Pause | None:
        """Return the pause, or None: changes are permitted. StorageError: not known."""
        ...

    async def save_pause(self, pause: Pause | None, by: RequestedBy, now: datetime) -> None:
        """Store a pause, or its end (None); by, now: who asked for that and when."""
        ...

    async def licensed(self) -> int | None:
        """Return how many users were licensed at the last sweep, or None before the first."""
        ...

    async def save_licensed(self, count: int) -> None:
        """Remember how many users are licensed."""
        ...

    async def excluded_ids(self) -> Mapping[str, str]:
        """Return the ids of the users who are excluded by name, as they were found first."""
        ...

    async def save_excluded_ids(self, ids: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Remember the ids of the users who are excluded by name, in place of `before`."""
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

    async def add_action(self, what: str, who: str, detail: str, now: datetime) -> None:
        """Remember who did what; detail: without the name of anybody else."""
        ...

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        """Take a lease, or renew one that no other holder has taken since; False: another holder has it."""
        ...

    async def release(self, name: str, owner: str, now: datetime) -> None:
        """Release a lease, if it is still ours."""
        ...


class GuardSlots(Protocol):
    """Table `guard`: who was changed within the guard's window."""

    def slots(self, ledger: str) -> AsyncIterator[tuple[int, Slot]]:
        """Yield the taken slots of a ledger with their numbers."""
        ...

    async def take(
        self, ledger: str, number: int, user_id: str, at: datetime, before: Slot | None
    ) -> bool:
        """Take a slot; False: somebody else just has. before: who had it, None: nobody yet."""
        ...


class HeldUsers(Protocol):
    """Table `held`: the users whom the guard holds."""

    async def is_any(self) -> bool:
        """Return whether anybody is on the list, held or released."""
        ...

    async def find_held(self, user_id: str) -> HeldUser | None:
        """Return the user's row, or None."""
        ...

    async def add_held(self, user: HeldUser) -> None:
        """Hold a user; who is held already stays on the first list, which learns of further runs."""
        ...

    async def add_runs(self, user_id: str, runs: Sequence[str]) -> bool:
        """Let a user's row learn of runs that say `held`; False: the user is not held any more."""
        ...

    async def mark_released(self, user_id: str, now: datetime) -> None:
        """Permit the user's change."""
        ...

    async def remove_held(self, user: HeldUser) -> bool:
        """Take a user off the list; False: the row was changed since it was read, or went."""
        ...

    async def remove_unreadable(self, user_id: str) -> None:
        """Take a user off the list whose row nobody can read."""
        ...

    def held(self) -> AsyncIterator[HeldUser]:
        """Yield everybody, those included who were released and are not settled yet."""
        ...

    def held_of(self, run: str) -> AsyncIterator[HeldUser]:
        """Yield the users on the list of a run, in the same way."""
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
        self,
        standing: Standing,
        limit: int,
        after: str = "",
        address: str = "",
        *,
        provider: str = "",
        country: str = "",
    ) -> tuple[list[RosterEntry], str | None]:
        """Return users of a list in the order of addresses, and where the next page begins."""
        ...

    async def counts(self) -> dict[str, int]:
        """Return how many users are on each list."""
        ...

    async def figures(self, first: date) -> tuple[dict[str, int], list[RosterDay]]:
        """Return the counts, and the figures of each day since `first` with a change, in order."""
        ...

    async def remove(self, users: Iterable[str], now: datetime) -> None:
        """Take users off the roster."""
        ...


class Leftovers(Protocol):
    """The tables, as the janitor sees them: by age, in small steps."""

    def runs(self, before: str) -> AsyncIterator[StoredRun]:
        """Yield the runs whose id is below `before`."""
        ...

    async def find(self, run: str) -> StoredRun | None:
        """Return a run, or None when it has no row."""
        ...

    def runs_in(self, table: str, before: str) -> AsyncIterator[str]:
        """Yield the ids below `before` of the runs that have rows in a table."""
        ...

    async def delete_rows(self, table: str, run: str) -> int:
        """Delete some of a run's rows in a table; return how many. 0: none is left."""
        ...

    async def delete_run(self, run: StoredRun) -> bool:
        """Delete a run's own row, unless it was changed since it was read; return whether it was."""
        ...

    async def delete_keys(self, before: datetime) -> int:
        """Delete some idempotency keys that are older; return how many."""
        ...

    async def delete_actions(self, before: datetime) -> int:
        """Delete some records of older actions; return how many."""
        ...

    def untried_users(self, before: datetime) -> AsyncIterator[str]:
        """Yield the ids of users who were neither tried nor known to the directory since then."""
        ...

    def old_history(self, before: datetime) -> AsyncIterator[tuple[str, str]]:
        """Yield the keys of the records of users' histories that are older."""
        ...

    async def delete_history(self, keys: tuple[str, str]) -> None:
        """Delete a record of a user's history."""
        ...

    async def mark_known(self, user_id: str, now: datetime) -> None:
        """Remember that the directory knows a user."""
        ...

    async def delete_user(self, user_id: str, before: datetime) -> bool:
        """Delete a user's row, unless the user was tried since then; return whether it was."""
        ...


class PersonalData(Protocol):
    """Every table with personal data, by person."""

    async def ids_of(self, name: str) -> set[str]:
        """Return the ids of the users about whom something is stored under a name."""
        ...

    async def names_of(self, user_id: str) -> set[str]:
        """Return the names under which something is stored about a user, in lower case."""
        ...

    async def forget(self, table: str, person: Person) -> int:
        """Delete a person from a table; return from how many rows."""
        ...
