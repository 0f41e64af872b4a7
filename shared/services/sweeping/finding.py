"""Finds users by their provider: a stream over all users of the tenant, and nothing is written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from shared.domain.decision import Action
from shared.domain.user import MICROSOFT
from shared.services.ports import Conferencing, Directory, RuleSource
from shared.services.sweeping.survey import Survey, is_guid

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
    """Lists users by provider."""

    def __init__(self, directory: Directory, conferencing: Conferencing, rules: RuleSource) -> None:
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

        Not those whose provider Teams' listing does not say: `ready` has them.
        """
        wanted = provider.casefold() if provider is not None else None
        async for found in self._everybody():
            name = found.provider.casefold()
            if name in (NOBODY, UNKNOWN, MICROSOFT.casefold()):
                continue
            if wanted is None or name == wanted:
                yield found

    async def _everybody(self) -> AsyncIterator[Found]:
        rules = await self._rules.current()
        survey = await Survey.begin(self._directory, self._conferencing, rules)
        async for page in survey.pages():
            for each in page.users:
                user, decision = each.service, each.decision
                name = user.provider.name if user.provider else NOBODY
                yield Found(user.id, user.upn, name, decision.action, decision.reason)
            for user_id, wrong in page.faults:
                if is_guid(user_id):
                    yield Found(user_id, "", UNKNOWN, Action.WAIT, f"cannot be read: {wrong}")
        for user_id, decision in survey.rest():
            yield Found(user_id, "", NOBODY, decision.action, decision.reason)
