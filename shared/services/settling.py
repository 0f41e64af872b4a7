"""One user: looks, decides, saves, sets Microsoft as provider where the table says so, and reads back."""

from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Action, Decision, Rules, decide, screen
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser, ServiceUser
from shared.errors import (
    AcpError,
    NotFoundError,
    PausedError,
    RefusedError,
    TooLargeError,
    TransientError,
)
from shared.events import Unexpected
from shared.log import EventLog
from shared.services.ports import Conferencing, ReplacedProviders, Users

_CONFIRM_AFTER: Final = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each reading back: the service's reads may lag behind its writes."""

_RETIRED: Final = "ReplaceProviderRetired"
"""The service's code for: replacing a third-party provider is not offered any more."""


_LOOK_AGAIN_AFTER: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before another look at a user for whom it is not sure whether the change happened."""


class _UnsureChangeError(TransientError):
    """The service did not say whether the change happened; it may have."""

    def __init__(self, error: TransientError, old_provider: str) -> None:
        super().__init__(error.service, error.operation, error.detail, error.code, error.status)
        self.old_provider = old_provider


@dataclass(frozen=True, slots=True)
class Wanted:
    """By which rules, and whether Microsoft is asked to mail those who are changed."""

    rules: Rules
    send_email: bool = False


class Settler:
    """Brings users to an outcome. `report`: tell what would be done and write nothing to the tenant."""

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

    async def settle(
        self, user_id: str, found: DirectoryUser | Exception, wanted: Wanted
    ) -> UserResult:
        """Bring one user to an outcome; an error becomes the outcome `failed`."""
        upn = found.upn if isinstance(found, DirectoryUser) else ""
        try:
            if isinstance(found, NotFoundError):
                return UserResult(
                    user_id, Outcome.NOT_FOUND, "the directory does not know the user"
                )
            if isinstance(found, Exception):
                raise found
            return await self._look(found, wanted)
        except PausedError as error:
            return UserResult(user_id, Outcome.FAILED, str(error), upn, pause=error.seconds)
        except TooLargeError as error:
            return UserResult(user_id, Outcome.FAILED, str(error), upn, needs_person=True)
        except AcpError as error:
            return UserResult(user_id, Outcome.FAILED, str(error), upn)
        except Exception as error:  # noqa: BLE001 - a defect met by one user must not stop the others
            kind = type(error).__name__
            self._log.write(Unexpected(user=self._log.who(user_id), error=kind), error)
            return UserResult(user_id, Outcome.FAILED, f"unexpected {kind}", upn)

    async def _look(self, user: DirectoryUser, wanted: Wanted) -> UserResult:
        """Look and act; where it stays unsure whether the change happened, look again before more."""
        begun: str | None = None
        for pause in _LOOK_AGAIN_AFTER:
            try:
                return await self._look_once(user, begun, wanted)
            except _UnsureChangeError as unsure:
                begun = unsure.old_provider
                await self._clock.sleep(pause)
        return await self._look_once(user, begun, wanted)

    async def _look_once(
        self, user: DirectoryUser, begun: str | None, wanted: Wanted
    ) -> UserResult:
        if refused := screen(user, wanted.rules):
            return _result(user, refused)
        service = await self._conferencing.user(user.id)
        decision = decide(user, service, wanted.rules)
        if service is None:
            return _result(user, decision)
        if decision.action is Action.WAIT and service.on_third_party:
            # Provisioning may replace the provider by itself (AutomaticallyReplaceAcpProvider).
            await self._replaced.save(service, self._clock.now())
        if decision.action is Action.ALREADY:
            return await self._already(user, decision, begun)
        if not decision.action.changes_tenant:
            return _result(user, decision)
        if self._report:
            return _result(user, decision, WOULD[decision.action], _provider_name(service))
        return await self._change(user, service, decision, begun, wanted)

    async def _already(
        self, user: DirectoryUser, decision: Decision, begun_now: str | None
    ) -> UserResult:
        """Tell a user who was on Microsoft from one whose move was begun and never recorded."""
        if begun_now is not None:
            return _result(user, decision, Outcome.MOVED, begun_now)
        begun = await self._replaced.last_move(user.id)
        if begun is None:
            return _result(user, decision)
        old, at = begun
        recorded = await self._users.moved_at(user.id)
        if recorded is not None and recorded >= at:
            return _result(user, decision)
        return _result(user, decision, Outcome.MOVED, old)

    async def _change(
        self,
        user: DirectoryUser,
        service: ServiceUser,
        decision: Decision,
        begun: str | None,
        wanted: Wanted,
    ) -> UserResult:
        number = decision.number or decision.toll_free
        bridge = await self._conferencing.bridge_of(number) if number else None
        if decision.action is Action.REPLACE:
            await self._replaced.save(service, self._clock.now(), for_move=True)
        try:
            await self._conferencing.set_microsoft(
                user.id,
                replace=decision.action is Action.REPLACE,
                number=decision.number,
                toll_free=decision.toll_free,
                bridge=bridge,
                send_email=wanted.send_email,
            )
        except NotFoundError:
            waits = Decision(Action.WAIT, "the service says: not a conferencing user yet")
            return _result(user, waits)
        except RefusedError as error:
            if error.code == _RETIRED:
                reason = "the service does not replace third-party providers any more"
                return UserResult(
                    user.id,
                    Outcome.FAILED,
                    reason,
                    user.upn,
                    needs_person=True,
                    decision=decision.action,
                )
            raise
        except PausedError:
            raise
        except TransientError as error:
            raise _UnsureChangeError(error, _provider_name(service)) from None
        result = await self._confirm(user, service, decision, wanted)
        if decision.action is Action.SET_NUMBER and result.outcome is Outcome.ALREADY_MICROSOFT:
            return await self._already(user, decision, begun)
        return result

    async def _confirm(
        self, user: DirectoryUser, before: ServiceUser, decision: Decision, wanted: Wanted
    ) -> UserResult:
        """Read back until the change shows; a change that does not show is looked at again later."""
        for pause in _CONFIRM_AFTER:
            await self._clock.sleep(pause)
            service = await self._conferencing.user(user.id)
            if decide(user, service, wanted.rules).action is Action.ALREADY:
                return _result(user, decision, None, _provider_name(before))
        reason = "the service took the change but does not show it yet"
        return UserResult(user.id, Outcome.FAILED, reason, user.upn, decision=decision.action)


OUTCOMES: Final = {
    Action.REPLACE: Outcome.MOVED,
    Action.ENABLE: Outcome.MOVED,
    Action.SET_NUMBER: Outcome.ALREADY_MICROSOFT,
    Action.ALREADY: Outcome.ALREADY_MICROSOFT,
    Action.WAIT: Outcome.WAITING,
    Action.UNLICENSED: Outcome.UNLICENSED,
    Action.EXCLUDED: Outcome.EXCLUDED,
}
"""What carrying out a decision comes to."""

WOULD: Final = OUTCOMES | dict.fromkeys((Action.REPLACE, Action.ENABLE), Outcome.WOULD_MOVE)
"""The same where nothing is carried out: report mode and dry runs."""


def _result(
    user: DirectoryUser,
    decision: Decision,
    outcome: Outcome | None = None,
    old_provider: str | None = None,
) -> UserResult:
    return UserResult(
        user.id,
        outcome or OUTCOMES[decision.action],
        decision.reason,
        user.upn,
        old_provider=old_provider,
        decision=decision.action,
    )


def _provider_name(user: ServiceUser) -> str:
    return user.provider.name if user.provider else ""
