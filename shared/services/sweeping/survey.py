"""Joins two listings: who is licensed (Graph), and every user with the provider (Teams).

A sweep and the list of users who are ready to move both read it. Memory grows with the licensed ids
only: 16 bytes each, in a set.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from shared.domain.decision import Decision, Rules, decide
from shared.domain.user import DirectoryUser, PlanStatus, ServiceUser
from shared.services.ports import Conferencing, Directory
from shared.services.sweeping.memberships import Memberships, read_memberships


@dataclass(frozen=True, slots=True)
class SurveyedUser:
    """A user whom Teams lists: whether a conferencing plan is enabled, and what is to be done."""

    service: ServiceUser
    licensed: bool
    decision: Decision


@dataclass(frozen=True, slots=True)
class SurveyedPage:
    """Some users, and the link to the page after them (None: it was the last).

    faults: (user id or "", what is wrong) of each user whose fields could not be read.
    """

    users: Sequence[SurveyedUser]
    next_link: str | None
    faults: Sequence[tuple[str, str]]


class Survey:
    """Both listings, joined page by page; made by `begin`."""

    def __init__(
        self, conferencing: Conferencing, rules: Rules, licensed: set[bytes], groups: Memberships
    ) -> None:
        self._conferencing = conferencing
        self._rules = rules
        self._licensed = frozenset(licensed)
        self._groups = groups
        self.unlisted = licensed
        """The licensed users (16 bytes of their ids) whom no page has named so far."""

    @classmethod
    async def begin(
        cls,
        directory: Directory,
        conferencing: Conferencing,
        rules: Rules,
        on_page: Callable[[], Awaitable[None]] | None = None,
    ) -> Self:
        """Read the licensed users and the groups that the rules name. on_page: called per page.

        Rooms are not among the licensed, unless the rules include them.
        """
        licensed: set[bytes] = set()
        async for page in directory.licensed_ids(rooms=rules.include_rooms):
            licensed.update(UUID(user).bytes for user in page)
            if on_page:
                await on_page()
        groups = await read_memberships(directory, rules.groups, on_page)
        return cls(conferencing, rules, licensed, groups)

    @property
    def licensed(self) -> int:
        """How many users are licensed."""
        return len(self._licensed)

    async def pages(self, start: str | None = None) -> AsyncIterator[SurveyedPage]:
        """Yield Teams' pages, each user with the decision; start: the link of the first page."""
        async for page in self._conferencing.pages(start):
            users = [self._decide(user) for user in page.users]
            self.mark_listed(user.id for user in page.users)
            self.mark_listed(user_id for user_id, _ in page.faults if is_guid(user_id))
            yield SurveyedPage(users, page.next_link, page.faults)

    def mark_listed(self, users: Iterable[str]) -> None:
        """Remember that pages named these users."""
        self.unlisted.difference_update(UUID(user).bytes for user in users)

    def rest(self) -> Iterator[tuple[str, Decision]]:
        """Yield the licensed users whom no page named, each with what is to be done."""
        for key in sorted(self.unlisted):
            user_id = str(UUID(bytes=key))
            groups = self._groups.of(user_id)
            user = DirectoryUser(user_id, "", PlanStatus.ENABLED, groups=groups)
            yield user_id, decide(user, None, self._rules)

    def _decide(self, user: ServiceUser) -> SurveyedUser:
        licensed = UUID(user.id).bytes in self._licensed
        # The listings in the directory's words; that a user is a guest is known from Teams.
        view = DirectoryUser(
            id=user.id,
            upn=user.upn,
            plan_status=PlanStatus.ENABLED if licensed else None,
            usage_location=user.usage_location,
            groups=self._groups.of(user.id),
        )
        return SurveyedUser(user, licensed, decide(view, user, self._rules))


def is_guid(text: str) -> bool:
    """Return whether a text is a user id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
