"""One user: assess, change if the decision says so, and begin anew if that is uncertain or came too late."""

from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Action
from shared.domain.history import Change
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser
from shared.errors import (
    AccessDeniedError,
    AcpError,
    BusyError,
    LateTurnError,
    NotFoundError,
    RetryLaterError,
    ServiceError,
    StorageError,
    TooLargeError,
    TransientError,
)
from shared.services.moving.assess import WOULD, assess, assess_again
from shared.services.moving.brakes import Brakes
from shared.services.moving.change import UncertainChangeError, UserChanger
from shared.services.moving.own_changes import OwnChanges, foremost
from shared.services.moving.terms import Terms
from shared.services.ports import Conferencing, Directory, MoveRequests, ReplacedProviders, Users
from shared.telemetry.events import Unexpected
from shared.telemetry.log import EventLog

_RETRY_AFTER: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before another attempt when it is uncertain whether the change happened."""

_DIRECTORY_FRESH: Final = 60.0
"""Seconds for which license, exclusions and groups may be acted on after they were read."""

_YIELD: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds before another look at a user whom another attempt is changing."""

_ATTEMPTS: Final = 8
"""Assessments whose set came too late, before the user is tried again much later."""


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
        self._changer = UserChanger(
            conferencing=conferencing,
            replaced=replaced,
            own=self._own,
            requests=requests,
            brakes=brakes,
            clock=clock,
            log=log,
        )
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
                if (pause := next(yields, None)) is None:
                    raise
                await self._clock.sleep(pause)
            except UncertainChangeError as uncertain:
                begun = foremost(begun, uncertain.change) if uncertain.change else begun
                if (pause := next(pauses, None)) is None:
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
        if action.changes_tenant and not terms.report:
            return await self._changer.change(found, service, begun, terms, read_at)
        would = (WOULD[action], found.provider) if action.changes_tenant else ()
        if action not in (Action.ALREADY, Action.SET_NUMBER, Action.CHANGE_BRIDGE):
            return found.result(*would)
        # On Microsoft: a run that moved the user before still says so.
        own = await self._own.find(found, begun, terms.claim(self._clock.now()))
        return own or found.result(*would)

    async def _up_to_date(self, user: DirectoryUser, terms: Terms) -> tuple[DirectoryUser, Terms]:
        """Return a user with license and groups that are no older than they may be, and the time of that."""
        if self._clock.monotonic() - terms.read_at <= _DIRECTORY_FRESH:
            return user, terms
        fresh = (await self._directory.users([user.id]))[user.id]
        if isinstance(fresh, ServiceError):
            raise fresh
        return fresh, replace(terms, read_at=self._clock.monotonic())
