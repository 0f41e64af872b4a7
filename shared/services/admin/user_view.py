"""User view: license, provider entries, saved entries and history of one user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.decision import Decision, decide
from shared.domain.user import DirectoryUser, ServiceUser
from shared.errors import NoSuchItemError
from shared.services.admin.people import in_directory

if TYPE_CHECKING:
    from shared.domain.retry import Waiting
    from shared.domain.saved import KnownUser, ReplacedProvider
    from shared.services.ports import (
        Conferencing,
        Directory,
        ReplacedProviders,
        RuleSource,
        Users,
        WaitingUsers,
    )


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as Graph and Teams report it now, the decision, and the app's own records."""

    directory: DirectoryUser
    service: ServiceUser | None
    decision: Decision
    known: KnownUser | None
    waiting: Waiting | None
    saved: list[ReplacedProvider]


class UserReader:
    """Collects the data about a user from Graph, Teams and the tables."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        users: Users,
        waiting: WaitingUsers,
        replaced: ReplacedProviders,
        rules: RuleSource,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._users = users
        self._waiting = waiting
        self._replaced = replaced
        self._rules = rules

    async def find(self, name: str) -> DirectoryUser:
        """Return the user called `name` (id or address).

        NoSuchItemError: no such user. ConflictError: several users have the address.
        """
        found = await in_directory(self._directory, name)
        if found is None:
            raise NoSuchItemError(f"user {name!r}: the directory does not know such a user")
        return found

    async def show(self, name: str) -> UserView:
        """Return all data about the user called `name`; NoSuchItemError: no such user."""
        user = await self.find(name)
        service = await self._conferencing.user(user.id)
        return UserView(
            directory=user,
            service=service,
            decision=decide(user, service, await self._rules.current()),
            known=await self._users.known(user.id),
            waiting=await self._waiting.find_waiting(user.id),
            saved=await self._replaced.of(user.id),
        )
