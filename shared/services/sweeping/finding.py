"""Find users by provider: stream all users of the tenant; nothing is written."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Action
from shared.domain.user import MICROSOFT
from shared.services.ports import Conferencing, Directory, RuleSource
from shared.services.sweeping.survey import Survey, is_guid, wait_until
from shared.text import packed

NOBODY: Final = "none"
"""Provider name for users without entries."""

_PATIENCE: Final = timedelta(minutes=20)
"""How long after its beginning the listing of a request waits for a service: its page has an hour. Nobody who
looks at a list waits so long."""

UNKNOWN: Final = "unknown"
"""Provider name for users whose entries could not be read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A user, the name of the provider (or NOBODY, UNKNOWN), and the decision.

    upn: "" for users whom Teams does not list, or whose fields cannot be read.
    """

    user_id: str
    upn: str
    provider: str
    action: Action
    reason: str


class Finder:
    """Lists users by provider."""

    def __init__(
        self, directory: Directory, conferencing: Conferencing, rules: RuleSource, clock: Clock
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._rules = rules
        self._clock = clock

    async def ready(self) -> AsyncIterator[Found]:
        """Yield the licensed users who are not on Microsoft: those that the sweep would queue.

        Without those that it queues for a number rule, or because they need attention.
        """
        wanted = (Action.REPLACE, Action.ENABLE, Action.WAIT)
        async for found in self._everybody(lambda each: each.action in wanted, timedelta(0)):
            yield found

    async def on_third_party(self, provider: str | None = None) -> AsyncIterator[Found]:
        """Yield the users on any third party, or on `provider` (case-insensitive), licensed or not.

        Without users whose provider is missing from Teams' listing: `ready` yields them.
        """
        wanted = provider.casefold() if provider is not None else None

        def fits(found: Found) -> bool:
            name = found.provider.casefold()
            third_party = name not in (NOBODY, UNKNOWN, MICROSOFT.casefold())
            return third_party and wanted in (None, name)

        async for found in self._everybody(fits, _PATIENCE):
            yield found

    async def _everybody(
        self, fits: Callable[[Found], bool], patience: timedelta
    ) -> AsyncIterator[Found]:
        """Yield those who fit, each once: a listing that begins again lists its users again."""
        yielded: set[bytes] = set()
        async for found in self._listed(patience):
            key = packed(found.user_id)
            if fits(found) and key not in yielded:
                yielded.add(key)
                yield found

    async def _listed(self, patience: timedelta) -> AsyncIterator[Found]:
        rules = await self._rules.current()
        wait = wait_until(self._clock, self._clock.now() + patience)
        survey = await Survey.begin(self._directory, self._conferencing, rules, wait)
        async for page in survey.pages():
            for each in page.users:
                user, decision = each.service, each.decision
                if user.soft_deleted:
                    continue  # Teams lists deleted users for 30 days
                name = user.provider.name if user.provider else NOBODY
                # Everybody is counted, also whom the pilot leaves out.
                action = each.beyond_pilot or decision.action
                yield Found(user.id, user.upn, name, action, decision.reason)
            for user_id, wrong in page.faults:
                if is_guid(user_id):
                    yield Found(user_id, "", UNKNOWN, Action.WAIT, f"cannot be read: {wrong}")
        for user_id, decision in survey.rest():
            yield Found(user_id, "", NOBODY, decision.action, decision.reason)
