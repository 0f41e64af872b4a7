"""Change one user as decided: claim, save what is replaced, set Microsoft as provider, and read back.

The service has no conditional write, so what is saved is read one round trip before the set: the set
has to get its turn while the read is fresh, or the user is assessed anew.
"""

from collections.abc import Awaitable
from dataclasses import replace
from http import HTTPStatus
from typing import Final, TypeGuard

from shared.clock import Clock
from shared.domain.decision import Action, Decision, decide
from shared.domain.history import Change, HistoryEvent
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import ServiceUser
from shared.errors import (
    AcpError,
    LateTurnError,
    NotFoundError,
    RejectedError,
    RetryLaterError,
    ServiceError,
    StorageError,
    ThrottledError,
    TransientError,
)
from shared.services.moving.assess import Assessment
from shared.services.moving.brakes import Brakes
from shared.services.moving.close_look import FRESH, CloseLook, by_bridge
from shared.services.moving.own_changes import OwnChanges, begin, done, failed
from shared.services.moving.terms import Terms
from shared.services.ports import Conferencing, MoveRequests, ReplacedProviders
from shared.telemetry.events import CleanupFailed
from shared.telemetry.log import EventLog

_CONFIRM_AFTER: Final = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each read-back: the service's reads may lag behind its writes."""

_RETIRED: Final = "ReplaceProviderRetired"
"""The service's code for: replacing a third-party provider is no longer offered."""


class UncertainChangeError(TransientError):
    """The service did not say whether the change happened; it may have. change: None: it did not."""

    def __init__(self, error: TransientError, change: Change | None) -> None:
        super().__init__(error.service, error.operation, error.detail)
        self.change = change


class UserChanger:
    """Carries out decisions that change the tenant, unless the brakes refuse."""

    def __init__(
        self,
        *,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        own: OwnChanges,
        requests: MoveRequests,
        brakes: Brakes,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._conferencing = conferencing
        self._look = CloseLook(conferencing, clock)
        self._replaced = replaced
        self._own = own
        self._requests = requests
        self._brakes = brakes
        self._clock = clock
        self._log = log

    async def change(
        self,
        found: Assessment,
        service: ServiceUser,
        begun: Change | None,
        terms: Terms,
        read_at: float,
    ) -> UserResult:
        """Change a user, whose service's entries were read at `read_at` (monotonic seconds).

        begun: what this attempt began before without an answer. UncertainChangeError: so it is now.
        LateTurnError: what was read is too old. BusyError: another attempt is changing the user.
        """
        number = found.decision.number or found.decision.toll_free
        bridge = await self._conferencing.bridge_of(number) if number else None
        service, before, read_at = await self._look.at(found, service, terms.rules, read_at)
        found = replace(found, decision=by_bridge(found.decision, before, bridge))
        action = found.decision.action
        if refused := await self._brakes.refuse(found, terms):
            return refused
        claim = terms.claim(self._clock.now())
        change = begin(action, claim, service, before)
        await self._replaced.claim(service, claim, action, change.before)
        try:
            if before:
                await self._replaced.save_conferencing(before, service.upn, self._clock.now())
            window = await self._set(found, bridge, terms, read_at, change)
        except UncertainChangeError:
            raise
        except AcpError as error:
            if begun is None or begun.what is not change.what:
                # Nothing happened: if somebody else changes the user later, it is not told as ours.
                alone = action is Action.SET_NUMBER
                cancel = self._replaced.cancel(service, self._clock.now(), number=alone)
                await self._clean_up("cancel the move", cancel, found)
            if _is_throttled(error):
                raise UncertainChangeError(error, begun) from None
            if isinstance(error, NotFoundError):
                waits = Decision(Action.WAIT, "the service says: not a conferencing user yet")
                return replace(found, decision=waits).result()
            if isinstance(error, RejectedError) and error.code == _RETIRED:
                reason = "the service does not replace third-party providers any more"
                return failed(found, reason, needs_person=True)
            raise
        seen = await self._confirm(found, terms)
        result = done(found, change, seen, bridge)
        if seen and action in (Action.SET_NUMBER, Action.CHANGE_BRIDGE):
            # The next number claims the same record: it does not wait as for one who was killed.
            now = self._clock.now()
            settle = self._replaced.settle_claim(service, terms.claim(now), now)
            await self._clean_up("settle the claim", settle, found)
        if result.outcome is Outcome.ALREADY_MICROSOFT or (
            result.outcome is Outcome.BRIDGE_CHANGED
            and begun is not None
            and begun.what is not HistoryEvent.NUMBER_CHANGED
        ):
            claim = terms.claim(self._clock.now())
            result = await self._own.find(found, begun, claim, seen) or result
        return replace(result, window=window)

    async def _set(
        self, found: Assessment, bridge: str | None, terms: Terms, read_at: float, change: Change
    ) -> float:
        """Set Microsoft; return the seconds from the answer of the read to that of the set."""
        user, decision, run = found.user.id, found.decision, terms.run
        # Once per user and run, and recorded before.
        mail = terms.send_email and (not run or await self._requests.mark_mailed(run, user))
        try:
            await self._conferencing.set_microsoft(
                user,
                replace=decision.action is Action.REPLACE,
                number=decision.number,
                toll_free=decision.toll_free,
                bridge=bridge,
                send_email=mail,
                within=read_at + FRESH - self._clock.monotonic(),
            )
        except ServiceError as error:
            if _is_uncertain(error):
                raise UncertainChangeError(error, change) from None
            if mail and run:
                # Not sent, or refused: no mail went, and the next attempt may ask for it.
                unmark = self._requests.unmark_mailed(run, user)
                await self._clean_up("unmark the mail", unmark, found)
            raise
        return self._clock.monotonic() - read_at

    async def _clean_up(self, step: str, work: Awaitable[None], found: Assessment) -> None:
        """Do what follows an attempt at a change, and must not make another outcome of it."""
        try:
            await work
        except StorageError as error:
            who = self._log.who(found.user.id)
            self._log.write(CleanupFailed(user=who, step=step, error=str(error)))

    async def _confirm(self, found: Assessment, terms: Terms) -> ServiceUser | None:
        """Read back until the change is visible, and return the user; None: it is checked again later."""
        for pause in _CONFIRM_AFTER:
            await self._clock.sleep(pause)
            service = await self._conferencing.user(found.user.id, first=True)
            if decide(found.user, service, terms.rules).action is Action.ALREADY:
                return service
        return None


def _is_uncertain(error: ServiceError) -> TypeGuard[TransientError]:
    """Whether a set may have happened: it was sent, and neither taken nor refused."""
    unsent = isinstance(error, RetryLaterError | LateTurnError) or _is_throttled(error)
    return isinstance(error, TransientError) and not unsent


def _is_throttled(error: AcpError) -> TypeGuard[ThrottledError]:
    """Whether the service refused a call for being one too many: it did nothing. 503 does not say so."""
    return isinstance(error, ThrottledError) and error.status == HTTPStatus.TOO_MANY_REQUESTS
