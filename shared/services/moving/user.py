"""Move one user: assess, save the entries, set Microsoft as provider if needed, and read back."""

from dataclasses import dataclass, replace
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Action, Decision, Rules, decide
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser, ServiceUser
from shared.errors import (
    AcpError,
    NotFoundError,
    RejectedError,
    RetryLaterError,
    TooLargeError,
    TransientError,
)
from shared.services.moving.assess import WOULD, Assessment, assess
from shared.services.ports import Conferencing, ReplacedProviders, Users
from shared.telemetry.events import Unexpected
from shared.telemetry.log import EventLog

_CONFIRM_AFTER: Final = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each read-back: the service's reads may lag behind its writes."""

_RETIRED: Final = "ReplaceProviderRetired"
"""The service's code for: replacing a third-party provider is no longer offered."""

_RETRY_AFTER: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before another attempt when it is uncertain whether the change happened."""


class _UncertainChangeError(TransientError):
    """The service did not say whether the change happened; it may have."""

    def __init__(self, error: TransientError, old_provider: str) -> None:
        super().__init__(error.service, error.operation, error.detail, error.code, error.status)
        self.old_provider = old_provider


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of a move: its rules, and whether Microsoft mails the moved users."""

    rules: Rules
    send_email: bool = False


class UserMover:
    """Moves users, each to an outcome. `report`: report the decision and change nothing in the tenant."""

    def __init__(
        self,
        *,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        users: Users,
        clock: Clock,
        log: EventLog,
        report: bool,
    ) -> None:
        self._conferencing = conferencing
        self._replaced = replaced
        self._users = users
        self._clock = clock
        self._log = log
        self._report = report

    async def move(
        self, user_id: str, found: DirectoryUser | Exception, terms: Terms
    ) -> UserResult:
        """Move one user and return the outcome; an error becomes the outcome `failed`."""
        upn = found.upn if isinstance(found, DirectoryUser) else ""
        try:
            if isinstance(found, NotFoundError):
                return UserResult(user_id, Outcome.NOT_FOUND, "the user is not in the directory")
            if isinstance(found, Exception):
                raise found
            return await self._attempt(found, terms)
        except RetryLaterError as error:
            return UserResult(user_id, Outcome.FAILED, str(error), upn, pause=error.seconds)
        except TooLargeError as error:
            return UserResult(user_id, Outcome.FAILED, str(error), upn, needs_person=True)
        except AcpError as error:
            return UserResult(user_id, Outcome.FAILED, str(error), upn)
        except Exception as error:  # noqa: BLE001 - a defect met by one user must not stop the others
            kind = type(error).__name__
            self._log.write(Unexpected(user=self._log.who(user_id), error=kind), error)
            return UserResult(user_id, Outcome.FAILED, f"unexpected {kind}", upn)

    async def _attempt(self, user: DirectoryUser, terms: Terms) -> UserResult:
        """Assess and act; while it is uncertain whether the change happened, assess again first."""
        begun: str | None = None
        for pause in _RETRY_AFTER:
            try:
                return await self._attempt_once(user, begun, terms)
            except _UncertainChangeError as uncertain:
                begun = uncertain.old_provider
                await self._clock.sleep(pause)
        return await self._attempt_once(user, begun, terms)

    async def _attempt_once(
        self, user: DirectoryUser, begun: str | None, terms: Terms
    ) -> UserResult:
        found = await assess(user, self._conferencing, terms.rules)
        action = found.decision.action
        service = found.service
        if service is None:
            return found.result()
        if action is Action.WAIT and service.on_third_party:
            # Provisioning may replace the provider automatically (AutomaticallyReplaceAcpProvider).
            await self._replaced.save_entries(service, self._clock.now())
        if action is Action.ALREADY:
            return await self._already(found, begun)
        if not action.changes_tenant:
            return found.result()
        if self._report:
            return found.result(WOULD[action], found.provider)
        return await self._change(found, service, begun, terms)

    async def _already(self, found: Assessment, begun_now: str | None) -> UserResult:
        """Distinguish a user who was on Microsoft from one whose move began but was never recorded."""
        if begun_now is not None:
            return found.result(Outcome.MOVED, begun_now)
        begun = await self._replaced.last_move(found.user.id)
        if begun is None:
            return found.result()
        old, at = begun
        recorded = await self._users.moved_at(found.user.id)
        if recorded is not None and recorded >= at:
            return found.result()
        return found.result(Outcome.MOVED, old)

    async def _change(
        self, found: Assessment, service: ServiceUser, begun: str | None, terms: Terms
    ) -> UserResult:
        user, decision = found.user, found.decision
        number = decision.number or decision.toll_free
        bridge = await self._conferencing.bridge_of(number) if number else None
        if decision.action is Action.REPLACE:
            await self._replaced.save_entries(service, self._clock.now(), for_move=True)
        try:
            await self._conferencing.set_microsoft(
                user.id,
                replace=decision.action is Action.REPLACE,
                number=decision.number,
                toll_free=decision.toll_free,
                bridge=bridge,
                send_email=terms.send_email,
            )
        except NotFoundError:
            waits = Decision(Action.WAIT, "the service says: not a conferencing user yet")
            return replace(found, decision=waits).result()
        except RejectedError as error:
            if error.code == _RETIRED:
                reason = "the service does not replace third-party providers any more"
                return _failed(found, reason, needs_person=True)
            raise
        except RetryLaterError:
            raise
        except TransientError as error:
            raise _UncertainChangeError(error, found.provider) from None
        result = await self._confirm(found, terms)
        if decision.action is Action.SET_NUMBER and result.outcome is Outcome.ALREADY_MICROSOFT:
            return await self._already(found, begun)
        return result

    async def _confirm(self, found: Assessment, terms: Terms) -> UserResult:
        """Read back until the change is visible; if it is not, it is checked again later."""
        for pause in _CONFIRM_AFTER:
            await self._clock.sleep(pause)
            service = await self._conferencing.user(found.user.id)
            if decide(found.user, service, terms.rules).action is Action.ALREADY:
                return found.result(None, found.provider)
        return _failed(found, "the service took the change but does not show it yet")


def _failed(found: Assessment, reason: str, *, needs_person: bool = False) -> UserResult:
    return replace(found.result(Outcome.FAILED), reason=reason, needs_person=needs_person)
