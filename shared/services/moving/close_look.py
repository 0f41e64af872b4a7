"""The last look at a user before a change: what the set can destroy beside the entries that were read."""

from collections.abc import Awaitable
from typing import Final

from shared.clock import Clock
from shared.concurrency import both
from shared.domain.decision import (
    Action,
    Decision,
    Rules,
    decide,
    endangers_conferencing,
    set_number,
)
from shared.domain.user import ConferencingUser, ServiceUser
from shared.errors import LateTurnError, NotFoundError
from shared.services.moving.assess import Assessment
from shared.services.ports import Conferencing

FRESH: Final = 2.0
"""Seconds after the read of what a set can destroy by which it must have its turn."""


class CloseLook:
    """Reads what is saved of a user before a set."""

    def __init__(self, conferencing: Conferencing, clock: Clock) -> None:
        self._conferencing = conferencing
        self._clock = clock

    async def at(
        self, found: Assessment, service: ServiceUser, rules: Rules, read_at: float
    ) -> tuple[ServiceUser, ConferencingUser | None, float]:
        """Return the user, what conferencing has that the set can destroy, and when all it can was read.

        service: as it was read at `read_at` (monotonic seconds). NotFoundError: a user on Microsoft
        cannot be read, and is not changed. LateTurnError: the user was changed meanwhile.
        """
        if not endangers_conferencing(found.decision, service):
            return service, None, read_at
        before = await self._conferencing_user(found, read_at + FRESH - self._clock.monotonic())
        now = self._clock.monotonic()
        if found.decision.action is not Action.REPLACE:
            return service, before, now  # the service keeps a third party's entries here
        if now < read_at + FRESH:
            return service, before, read_at
        return await self._both(found, rules)

    async def _both(
        self, found: Assessment, rules: Rules
    ) -> tuple[ServiceUser, ConferencingUser | None, float]:
        """Look again at a third party's user who has a leftover of Microsoft: the set destroys both.

        At once: in turn, where answers take seconds, one of them would always be too old.
        """

        async def timed[T](read: Awaitable[T]) -> tuple[T, float]:
            return await read, self._clock.monotonic()

        (service, read_at), (before, before_at) = await both(
            timed(self._conferencing.user(found.user.id, first=True, within=FRESH)),
            timed(self._conferencing_user(found, FRESH)),
        )
        if service is None or decide(found.user, service, rules) != found.decision:
            raise LateTurnError("Teams", "read the user", "the user has just been changed")
        return service, before, min(read_at, before_at)

    async def _conferencing_user(self, found: Assessment, within: float) -> ConferencingUser | None:
        try:
            return await self._conferencing.conferencing_user(found.user.id, within=within)
        except NotFoundError:
            if found.decision.action in (Action.SET_NUMBER, Action.CHANGE_BRIDGE):
                raise
        return None


def by_bridge(decision: Decision, has: ConferencingUser | None, bridge: str | None) -> Decision:
    """Return the decision on a number as the bridge makes it that the user has; others stay."""
    if has is None or decision.action not in (Action.SET_NUMBER, Action.CHANGE_BRIDGE):
        return decision
    same = bridge is None or has.bridge_id.casefold() == bridge.casefold()
    return set_number(decision.number, decision.toll_free, same_bridge=same)
