"""Finds users by their provider: a stream over all users of the tenant, and nothing is written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.domain.decision import Action, Rules, decide
from shared.domain.user import MICROSOFT, DirectoryUser, PlanStatus, ServiceUser
from shared.services.memberships import Memberships, read_memberships
from shared.services.ports import Conferencing, Directory
from shared.services.scanning import directory_view, is_guid

NOBODY: Final = "none"
"""What the provider of a user without entries is called."""

UNKNOWN: Final = "unknown"
"""What the provider of a user whose entries could not be read is called."""


@dataclass(frozen=True, slots=True)
class Found:
    """A user, the name of the provider (or NOBODY, UNKNOWN), and what is to be done.

    upn: "" for those whom Teams does not list, or lists so that they cannot be read.
    """

    user_id: str
    upn: str
    provider: str
    action: Action
    reason: str


class Finder:
    """Lists users. Memory grows with the licensed ids only (16 bytes each, in a set)."""

    def __init__(self, directory: Directory, conferencing: Conferencing, rules: Rules) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._rules = rules

    async def ready(self) -> AsyncIterator[Found]:
        """Yield the licensed users who are not on Microsoft: those that the sweep would queue.

        Not those whom it queues for a number rule, or because they need attention.
        """
        async for found in self._everybody():
            if found.action in (Action.REPLACE, Action.ENABLE, Action.WAIT):
                yield found

    async def on_third_party(self, provider: str | None = None) -> AsyncIterator[Found]:
        """Yield the users on a third party, or on that one (without regard to case), licensed or not.

        Not those of whom Teams' listing does not tell it: `ready` has them.
        """
        wanted = provider.casefold() if provider is not None else None
        async for found in self._everybody():
            name = found.provider.casefold()
            if name in (NOBODY, UNKNOWN, MICROSOFT.casefold()):
                continue
            if wanted is None or name == wanted:
                yield found

    async def _everybody(self) -> AsyncIterator[Found]:
        groups = await read_memberships(self._directory, self._rules.groups)
        unlisted: set[bytes] = set()
        async for ids in self._directory.licensed_ids(rooms=self._rules.include_rooms):
            unlisted.update(UUID(user).bytes for user in ids)
        async for page in self._conferencing.pages():
            for user in page.users:
                key = UUID(user.id).bytes
                yield self._found(user, groups, licensed=key in unlisted)
                unlisted.discard(key)
            for user_id, wrong in page.faults:
                if is_guid(user_id):
                    unlisted.discard(UUID(user_id).bytes)
                    yield Found(user_id, "", UNKNOWN, Action.WAIT, f"cannot be read: {wrong}")
        for key in sorted(unlisted):
            yield self._unlisted(str(UUID(bytes=key)), groups)

    def _found(self, user: ServiceUser, groups: Memberships, *, licensed: bool) -> Found:
        view = directory_view(user, licensed=licensed, groups=groups)
        decision = decide(view, user, self._rules)
        name = user.provider.name if user.provider else NOBODY
        return Found(user.id, user.upn, name, decision.action, decision.reason)

    def _unlisted(self, user_id: str, groups: Memberships) -> Found:
        user = DirectoryUser(user_id, "", PlanStatus.ENABLED, groups=groups.of(user_id))
        decision = decide(user, None, self._rules)
        return Found(user_id, "", NOBODY, decision.action, decision.reason)
