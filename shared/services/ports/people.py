"""Ports to the tables that have a row for each user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from shared.domain.claim import BegunChange, Claim
    from shared.domain.decision import Action
    from shared.domain.guard import Slot
    from shared.domain.held import HeldUser
    from shared.domain.history import DialIn, HistoryRecord
    from shared.domain.outcome import UserResult
    from shared.domain.retry import DueUser, SettledUser, Waiting
    from shared.domain.roster import KnownKeys, RosterDay, RosterEntry, Standing
    from shared.domain.run import Signal
    from shared.domain.saved import KnownUser, ReplacedProvider, SavedKeys
    from shared.domain.user import ConferencingUser, ServiceUser


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

    async def save_entries(self, user: ServiceUser, now: datetime) -> bool:
        """Save all entries durably; return whether they were new. StorageError: not saved."""
        ...

    async def saved_keys(self) -> SavedKeys:
        """Return the keys of all records, at one request per 1,000."""
        ...

    def has_saved(self, user: ServiceUser, keys: SavedKeys) -> bool:
        """Return whether the entries that the user has are among the records with these keys."""
        ...

    async def claim(
        self, user: ServiceUser, claim: Claim, action: Action, before: DialIn | None = None
    ) -> None:
        """Save the third party's entries that an action would destroy, and claim the change.

        before: what a user had who gets only a number.
        BusyError: somebody else holds it. StorageError: not saved, so nothing may be changed.
        """
        ...

    async def settle_claim(self, user: ServiceUser, claim: Claim, now: datetime) -> None:
        """Let a claim end soon, because its change was seen."""
        ...

    async def save_conferencing(self, before: ConferencingUser, upn: str, now: datetime) -> None:
        """Save a conferencing user durably. StorageError: not saved."""
        ...

    async def take_over(self, user_id: str, claim: Claim, *, number: bool = False) -> None:
        """Claim the last begun change, to tell of it; BusyError: somebody else holds it.

        number: that of a number alone.
        """
        ...

    async def cancel(self, user: ServiceUser, now: datetime, *, number: bool = False) -> None:
        """Remember that the change begun with these entries did not happen. number: of a number alone."""
        ...

    async def begun(self, user_id: str) -> Sequence[BegunChange]:
        """Return the changes that were begun and not cancelled, newest first, those of numbers last."""
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

    async def counts(self) -> tuple[int, Counter[str]]:
        """Return how many users wait, and how many need attention by reason."""
        ...

    async def claim(self, due: DueUser, until: datetime) -> bool:
        """Postpone a due user until `until`; False: the row was changed or removed meanwhile."""
        ...

    def due(self, now: datetime) -> AsyncIterator[DueUser]:
        """Yield the users who are due."""
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

    async def counts(self) -> Mapping[str, int]:
        """Return how many users each run holds, those left out who were released."""
        ...

    def held_of(self, run: str) -> AsyncIterator[HeldUser]:
        """Yield the users on the list of a run, in the same way."""
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

    async def known_keys(self) -> KnownKeys:
        """Return what a listing told of each user, at one request per 1,000."""
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
