"""Join two listings: the licensed users (Graph), and all users with their provider (Teams).

A sweep and the list of users who are ready to move both read it. Memory grows with the licensed ids
only: 17 bytes each, 16 of them until all are read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

from shared.clock import Clock
from shared.domain.decision import OUTSIDE_PILOT, Action, Decision, Rules, decide
from shared.domain.listing import TeamsPage
from shared.domain.number_rules import NumberRules
from shared.domain.user import DirectoryUser, PlanStatus, ServiceUser
from shared.domain.user_ids import UserIds
from shared.domain.value import value
from shared.errors import RetryLaterError
from shared.scratch import scratch
from shared.services.ports import Conferencing, Directory, Wait
from shared.services.sweeping.memberships import Memberships, read_memberships
from shared.text import packed, unpacked

_MINUTE: Final = 60.0


@value
class SurveyedUser:
    """A user in Teams' listing: whether a conferencing plan is enabled, and the decision.

    beyond_pilot: what would be done with a user whom only the pilot excludes, else None.
    """

    service: ServiceUser
    licensed: bool
    decision: Decision
    beyond_pilot: Action | None = None


@dataclass(frozen=True, slots=True)
class SurveyedPage:
    """A page of users, and the link to the next page (None: it was the last).

    faults: (user id or "", what is wrong) of each user whose fields could not be read. restarts: see
    `TeamsPage`.
    """

    users: Sequence[SurveyedUser]
    next_link: str | None
    faults: Sequence[tuple[str, str]]
    restarts: bool = False


class Survey:
    """Both listings, joined page by page; made by `begin`."""

    def __init__(
        self,
        conferencing: Conferencing,
        rules: Rules,
        licensed: UserIds,
        groups: Memberships,
        wait: Wait,
    ) -> None:
        self._conferencing = conferencing
        self._rules = rules
        self._licensed = licensed
        self._groups = groups
        self._wait = wait

    @classmethod
    async def begin(
        cls,
        directory: Directory,
        conferencing: Conferencing,
        rules: Rules,
        wait: Wait,
        on_page: Callable[[], Awaitable[None]] | None = None,
    ) -> Self:
        """Read the licensed users and the groups in the rules. on_page: called per page.

        wait: where a service asks for a long pause, because what was read is in memory alone.

        Rooms are not among the licensed, unless the rules include them.
        """
        licensed = UserIds(scratch())
        async for page in directory.licensed_ids(rooms=rules.include_rooms, wait=wait):
            licensed.add(page)
            if on_page:
                await on_page()
        licensed.complete()
        groups = await read_memberships(
            directory, rules.groups, on_page, rules.excluded_groups, wait
        )
        return cls(conferencing, rules, licensed, groups, wait)

    @property
    def faults(self) -> Sequence[str]:
        """What is wrong with the groups of number rules: those rules meet nobody."""
        return self._groups.faults

    @property
    def licensed(self) -> int:
        """How many users are licensed."""
        return len(self._licensed)

    async def pages(self, start: str | None = None) -> AsyncIterator[SurveyedPage]:
        """Yield Teams' pages, each user with the decision; start: the link of the first page."""
        while True:
            try:
                async for page in self._conferencing.pages(start):
                    yield self._survey(page)
                    start = page.next_link
            except RetryLaterError as pause:
                if not await self._wait(pause.seconds):
                    raise
            else:
                return

    def _survey(self, page: TeamsPage) -> SurveyedPage:
        if page.restarts:
            self._licensed.unmark()
        users = [self._decide(user) for user in page.users]
        self.mark_listed(user_id for user_id, _ in page.faults if is_guid(user_id))
        return SurveyedPage(users, page.next_link, page.faults, page.restarts)

    def mark_listed(self, users: Iterable[str]) -> None:
        """Mark these users as listed."""
        for user in users:
            self._licensed.mark(user)

    def unlisted(self) -> set[bytes]:
        """Return the licensed users (16 bytes of their ids) who have been on no page so far."""
        return self._licensed.unseen()

    def rest(self) -> Iterator[tuple[str, Decision]]:
        """Yield the licensed users who were on no page, each with the decision."""
        for key in sorted(self.unlisted()):
            user_id = unpacked(key)
            groups = self._groups.of(user_id)
            user = DirectoryUser(user_id, "", PlanStatus.ENABLED, groups=groups)
            yield user_id, decide(user, None, self._rules)

    def _decide(self, user: ServiceUser) -> SurveyedUser:
        licensed = self._licensed.mark(user.id)
        # The listings in the directory's terms; Teams reports whether a user is a guest.
        view = DirectoryUser(
            id=user.id,
            upn=user.upn,
            plan_status=PlanStatus.ENABLED if licensed else None,
            usage_location=user.usage_location,
            groups=self._groups.of(user.id),
        )
        rules = self._rules
        if (
            user.usage_location is None
            and user.provider
            and rules.numbers.has(user.provider.toll_number)
        ):
            # The listing does not say where the user is: any number of the rules may be the right one.
            rules = replace(rules, numbers=NumberRules())
        decision = decide(view, user, rules)
        if decision.reason != OUTSIDE_PILOT:
            return SurveyedUser(user, licensed, decision)
        would = decide(view, user, rules.for_everybody)
        return SurveyedUser(user, licensed, decision, would.action)


def is_guid(text: str) -> bool:
    """Return whether a text is a user id."""
    try:
        packed(text)
    except ValueError:
        return False
    return True


def wait_until(
    clock: Clock, until: datetime, between: Callable[[], Awaitable[None]] | None = None
) -> Wait:
    """Return what waits as long as a service asks, if that is over by then. between: called each minute."""

    async def wait(seconds: float) -> bool:
        if seconds > (until - clock.now()).total_seconds():
            return False
        end = clock.now() + timedelta(seconds=seconds)
        while (left := (end - clock.now()).total_seconds()) > 0:
            await clock.sleep(min(_MINUTE, left))
            if between:
                await between()
        return True

    return wait
