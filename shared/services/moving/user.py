"""One user: looks, decides, saves, sets Microsoft as provider where the table says so, and reads back.

The service has no conditional write, so what is saved is read one round trip before the set: the set
has to get its turn while the read is fresh, or the user is assessed anew.
"""

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, TypeGuard

from shared.clock import Clock
from shared.domain.claim import Claim
from shared.domain.decision import (
    Action,
    Decision,
    Rules,
    decide,
    endangers_conferencing,
    set_number,
)
from shared.domain.history import Change, HistoryEvent
from shared.domain.options import OwnNumbers
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Signal
from shared.domain.user import ConferencingUser, DirectoryUser, ServiceUser
from shared.errors import (
    AccessDeniedError,
    AcpError,
    BusyError,
    LateTurnError,
    NotFoundError,
    RejectedError,
    RetryLaterError,
    ServiceError,
    StorageError,
    ThrottledError,
    TooLargeError,
    TransientError,
)
from shared.services.moving.assess import WOULD, Assessment, assess, assess_again
from shared.services.moving.brakes import Brakes
from shared.services.moving.own_changes import OwnChanges, begin, done, failed, foremost
from shared.services.ports import (
    Conferencing,
    Directory,
    MoveRequests,
    ReplacedProviders,
    Users,
)
from shared.telemetry.events import CleanupFailed, Unexpected
from shared.telemetry.log import EventLog

_CONFIRM_AFTER: Final = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each read-back: the service's reads may lag behind its writes."""

_RETIRED: Final = "ReplaceProviderRetired"
"""The service's code for: replacing a third-party provider is no longer offered."""

_RETRY_AFTER: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before another attempt when it is uncertain whether the change happened."""

_FRESH: Final = 2.0
"""Seconds after the read of a user's entries by which the set must have its turn."""

_DIRECTORY_FRESH: Final = 60.0
"""Seconds for which license, exclusions and groups may be acted on after they were read."""

_YIELD: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds before another look at a user whom another attempt is changing."""

_ATTEMPTS: Final = 8
"""Assessments whose set came too late, before the user is tried again much later."""


class _UncertainChangeError(TransientError):
    """The service did not say whether the change happened; it may have. change: None: it did not."""

    def __init__(self, error: TransientError, change: Change | None) -> None:
        super().__init__(error.service, error.operation, error.detail)
        self.change = change


@dataclass(frozen=True, slots=True)
class Terms:
    """How users are moved: by which rules, with a mail of Microsoft or not, or only reported.

    run: the run they belong to, if any. read_at: when the directory was read (monotonic seconds).
    signal: what asked for it. expected: how many users of the run a person expects to be changed.
    attempt: whose claim on a change it is.
    """

    rules: Rules
    send_email: bool = False
    report: bool = False
    run: str | None = None
    read_at: float = float("-inf")
    signal: Signal = Signal.LICENSE_EVENT
    expected: int | None = None
    attempt: str = field(default_factory=lambda: secrets.token_hex(8))

    def with_numbers(self, own: OwnNumbers | None) -> "Terms":
        """Return the terms for a user with numbers of the user's own, if any."""
        return (
            replace(self, rules=self.rules.with_numbers(own.toll, own.toll_free)) if own else self
        )


class UserMover:
    """Brings users to an outcome."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        users: Users,
        requests: MoveRequests,
        brakes: Brakes,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._replaced = replaced
        self._own = OwnChanges(replaced, users)
        self._requests = requests
        self._brakes = brakes
        self._clock = clock
        self._log = log

    async def move(
        self, user_id: str, found: DirectoryUser | Exception, terms: Terms
    ) -> UserResult:
        """Move one user and return the outcome; an error becomes the outcome `failed`.

        BusyError: another attempt is changing the user, and takes long; look again later.
        """
        upn = found.upn if isinstance(found, DirectoryUser) else ""
        try:
            if isinstance(found, NotFoundError):
                return UserResult(user_id, Outcome.NOT_FOUND, "the user is not in the directory")
            if why := await self._why_not_begun(user_id, terms):
                return UserResult(user_id, Outcome.CANCELLED, why, upn)
            if isinstance(found, Exception):
                raise found
            return await self._attempt(found, terms)
        except BusyError:
            raise
        except AcpError as error:
            return UserResult(
                user_id,
                Outcome.FAILED,
                str(error),
                upn,
                needs_person=isinstance(error, TooLargeError),
                by_service=isinstance(error, TransientError | AccessDeniedError | StorageError),
                pause=error.seconds if isinstance(error, RetryLaterError) else 0.0,
            )
        except Exception as error:  # noqa: BLE001 - a defect met by one user must not stop the others
            kind = type(error).__name__
            self._log.write(Unexpected(user=self._log.who(user_id), error=kind), error)
            return UserResult(user_id, Outcome.FAILED, f"unexpected {kind}", upn)

    async def _why_not_begun(self, user_id: str, terms: Terms) -> str:
        """Return why a user of a cancelled run is not begun; "": it is not, or the user was begun for it."""
        why = await self._brakes.why_cancelled(terms.run)
        begun = await self._replaced.begun(user_id) if why else []
        return "" if any(each.claim and each.claim.run == terms.run for each in begun) else why

    async def _attempt(self, user: DirectoryUser, terms: Terms) -> UserResult:
        """Assess and act; while it is uncertain whether the change happened, assess again first."""
        begun: Change | None = None
        pauses, yields = iter(_RETRY_AFTER), iter(_YIELD)
        late = 0
        while True:
            try:
                return await self._attempt_once(user, begun, terms, again=late > 0)
            except LateTurnError:
                late += 1
                if late == _ATTEMPTS:
                    raise
                # Here and not after the next read of Teams: a slow directory would make that old, too.
                user, terms = await self._up_to_date(user, terms)
            except BusyError:
                pause = next(yields, None)
                if pause is None:
                    raise
                await self._clock.sleep(pause)
            except _UncertainChangeError as uncertain:
                begun = foremost(begun, uncertain.change) if uncertain.change else begun
                pause = next(pauses, None)
                if pause is None:
                    raise
                await self._clock.sleep(pause)

    async def _attempt_once(
        self, user: DirectoryUser, begun: Change | None, terms: Terms, *, again: bool
    ) -> UserResult:
        found = await assess(user, self._conferencing, terms.rules, first=again)
        read_at = self._clock.monotonic()
        if found.decision.action.changes_tenant and not terms.report:
            fresh, terms = await self._up_to_date(user, terms)
            if fresh is not user:
                found = assess_again(fresh, found, terms.rules)
        action, service = found.decision.action, found.service
        if service is None:
            return found.result()
        if action is Action.WAIT and service.on_third_party:
            # Provisioning may replace the provider automatically (AutomaticallyReplaceAcpProvider).
            await self._replaced.save_entries(service, self._clock.now())
        if action is Action.ALREADY:
            return await self._own.find(found, begun, self._claim(terms)) or found.result()
        if not action.changes_tenant:
            return found.result()
        if terms.report:
            return await self._report(found, terms)
        return await self._change(found, service, begun, terms, read_at)

    async def _up_to_date(self, user: DirectoryUser, terms: Terms) -> tuple[DirectoryUser, Terms]:
        """Return a user with license and groups that are no older than they may be, and the time of that."""
        if self._clock.monotonic() - terms.read_at <= _DIRECTORY_FRESH:
            return user, terms
        fresh = (await self._directory.users([user.id]))[user.id]
        if isinstance(fresh, ServiceError):
            raise fresh
        return fresh, replace(terms, read_at=self._clock.monotonic())

    async def _report(self, found: Assessment, terms: Terms) -> UserResult:
        """Return what would happen; a run that moved the user before still says so."""
        would = found.result(WOULD[found.decision.action], found.provider)
        if found.decision.action not in (Action.SET_NUMBER, Action.CHANGE_BRIDGE):
            return would
        return await self._own.find(found, None, self._claim(terms)) or would

    def _claim(self, terms: Terms) -> Claim:
        return Claim(terms.attempt, self._clock.now(), terms.run)

    async def _change(
        self,
        found: Assessment,
        service: ServiceUser,
        begun: Change | None,
        terms: Terms,
        read_at: float,
    ) -> UserResult:
        number = found.decision.number or found.decision.toll_free
        bridge = await self._conferencing.bridge_of(number) if number else None
        found, before, read_at = await self._look_at_conferencing(found, service, bridge, read_at)
        decision = found.decision
        if refused := await self._brakes.refuse(found, terms):
            return refused
        claim = self._claim(terms)
        change = begin(decision.action, claim, service, before)
        await self._replaced.claim(service, claim, decision.action, change.before)
        try:
            if before:
                await self._replaced.save_conferencing(before, service.upn, self._clock.now())
            window = await self._set(found, bridge, terms, read_at, change)
        except _UncertainChangeError:
            raise
        except AcpError as error:
            if begun is None or begun.what is not change.what:
                # Nothing happened: if somebody else changes the user later, it is not told as ours.
                alone = decision.action is Action.SET_NUMBER
                cancel = self._replaced.cancel(service, self._clock.now(), number=alone)
                await self._clean_up("cancel the move", cancel, found)
            if _is_throttled(error):
                raise _UncertainChangeError(error, begun) from None
            if isinstance(error, NotFoundError):
                waits = Decision(Action.WAIT, "the service says: not a conferencing user yet")
                return replace(found, decision=waits).result()
            if isinstance(error, RejectedError) and error.code == _RETIRED:
                reason = "the service does not replace third-party providers any more"
                return failed(found, reason, needs_person=True)
            raise
        seen = await self._confirm(found, terms)
        result = done(found, change, seen, bridge)
        if seen and decision.action in (Action.SET_NUMBER, Action.CHANGE_BRIDGE):
            # The next number claims the same record: it does not wait as for one who was killed.
            settle = self._replaced.settle_claim(service, self._claim(terms), self._clock.now())
            await self._clean_up("settle the claim", settle, found)
        if result.outcome is Outcome.ALREADY_MICROSOFT or (
            result.outcome is Outcome.BRIDGE_CHANGED
            and begun is not None
            and begun.what is not HistoryEvent.NUMBER_CHANGED
        ):
            result = await self._own.find(found, begun, self._claim(terms), seen) or result
        return replace(result, window=window)

    async def _look_at_conferencing(
        self, found: Assessment, service: ServiceUser, bridge: str | None, read_at: float
    ) -> tuple[Assessment, ConferencingUser | None, float]:
        """Return the decision as the user's bridge makes it, what has to be saved, and when that was read.

        NotFoundError: a user on Microsoft cannot be read, and is not changed.
        """
        decision, before = found.decision, None
        if not endangers_conferencing(decision, service):
            return found, None, read_at
        on_microsoft = decision.action in (Action.SET_NUMBER, Action.CHANGE_BRIDGE)
        try:
            within = read_at + _FRESH - self._clock.monotonic()
            before = await self._conferencing.conferencing_user(service.id, within=within)
        except NotFoundError:
            if on_microsoft:
                raise
        if decision.action is not Action.REPLACE:
            read_at = self._clock.monotonic()  # the service keeps a third party's entries otherwise
        if before and on_microsoft:
            same = bridge is None or before.bridge_id.casefold() == bridge.casefold()
            decision = set_number(decision.number, decision.toll_free, same_bridge=same)
        return replace(found, decision=decision), before, read_at

    async def _set(
        self,
        found: Assessment,
        bridge: str | None,
        terms: Terms,
        read_at: float,
        change: Change,
    ) -> float:
        """Set Microsoft; return the seconds from the answer of the read to that of the set."""
        decision = found.decision
        mail = terms.send_email and await self._may_mail(found.user.id, terms.run)
        try:
            await self._conferencing.set_microsoft(
                found.user.id,
                replace=decision.action is Action.REPLACE,
                number=decision.number,
                toll_free=decision.toll_free,
                bridge=bridge,
                send_email=mail,
                within=read_at + _FRESH - self._clock.monotonic(),
            )
        except ServiceError as error:
            if _is_uncertain(error):
                raise _UncertainChangeError(error, change) from None
            if mail and terms.run:
                # Not sent, or refused: no mail went, and the next attempt may ask for it.
                unmark = self._requests.unmark_mailed(terms.run, found.user.id)
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

    async def _may_mail(self, user_id: str, run: str | None) -> bool:
        """Return whether a mail may be asked for: once per user and run, and recorded before."""
        return run is None or await self._requests.mark_mailed(run, user_id)

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
