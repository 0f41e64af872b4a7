"""Everything that is known of one user: license, provider entries, what was saved and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.domain.decision import Decision, Rules, decide
from shared.domain.user import DirectoryUser, ServiceUser
from shared.errors import NotFoundError, UnknownError

if TYPE_CHECKING:
    from shared.domain.waiting import Waiting
    from shared.services.ports import Conferencing, Directory, WaitingUsers
    from shared.storage.replaced import ReplacedProvider
    from shared.storage.users import KnownUser


class SavedEntries(Protocol):
    """The saved provider entries."""

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        ...


class KnownUsers(Protocol):
    """The last known states."""

    async def get(self, user_id: str) -> KnownUser | None:
        """Return the user's row, or None."""
        ...


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as Graph and Teams have it now, what would be done, and the app's own records."""

    directory: DirectoryUser
    service: ServiceUser | None
    decision: Decision
    known: KnownUser | None
    waiting: Waiting | None
    saved: list[ReplacedProvider]


class Shower:
    """Looks a user up everywhere."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        users: KnownUsers,
        waiting: WaitingUsers,
        replaced: SavedEntries,
        rules: Rules,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._users = users
        self._waiting = waiting
        self._replaced = replaced
        self._rules = rules

    async def find(self, name: str) -> DirectoryUser:
        """Return the user called `name` (id or address); UnknownError: there is none."""
        found = (await self._directory.users([name]))[name]
        if isinstance(found, NotFoundError):
            raise UnknownError(f"user {name!r}: the directory does not know such a user")
        if isinstance(found, Exception):
            raise found
        return found

    async def show(self, name: str) -> UserView:
        """Return all that is known of the user called `name`; UnknownError: there is none."""
        user = await self.find(name)
        service = await self._conferencing.user(user.id)
        return UserView(
            directory=user,
            service=service,
            decision=decide(user, service, self._rules),
            known=await self._users.get(user.id),
            waiting=await self._waiting.get(user.id),
            saved=await self._replaced.of(user.id),
        )
