"""Looks at the users of one queue message and sets Microsoft as provider where the table says so.

Every look re-reads the user's state, so a message may come twice, late or out of order: the effect
is the same. One user's failure touches no other. What a look found is always recorded.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Action, Decision, Rules, decide, screen
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
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
from shared.events import Handled, Unexpected
from shared.log import EventLog
from shared.operation import operation
from shared.services.ports import Conferencing, Directory, ReplacedProviders, Runs, Users
from shared.services.recording import Recorder
from shared.storage.messages import MoveMessage

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
class _Task:
    """What holds for all users of a message: since when, and by which rules."""

    message: MoveMessage
    began: datetime
    rules: Rules
    send_email: bool


class Mover:
    """Moves users. `report`: tell what would be done and write nothing to the tenant."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        users: Users,
        runs: Runs,
        recorder: Recorder,
        rules: Rules,
        clock: Clock,
        log: EventLog,
        report: bool,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._replaced = replaced
        self._users = users
        self._runs = runs
        self._recorder = recorder
        self._rules = rules
        self._clock = clock
        self._log = log
        self._report = report

    async def move(
        self, message: MoveMessage, options: MoveOptions = DEFAULT_OPTIONS
    ) -> list[UserResult]:
        """Look at every user of `message`; return what happened to each, in its order.

        Raises StorageError when an outcome could not be recorded: then the message has to come
        again, for nothing else would remember its users.
        """
        with operation(message.operation) as here:
            began = self._clock.monotonic()
            results = await self._move(message, options)
            took = self._clock.monotonic() - began
            self._log.write(_handled(message, results, here.throttled, took))
        return results

    async def _move(self, message: MoveMessage, options: MoveOptions) -> list[UserResult]:
        ids = list(dict.fromkeys(message.users))
        began = self._clock.now()
        found = await self._look_up(ids)
        rules = self._rules.asking(options.service_number, options.toll_free_number)
        task = _Task(message, began, rules, options.send_email)
        looks = (self._look_and_record(user, found[user], task) for user in ids)
        results = []
        for result in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            results.append(result)
        if message.run:
            await self._runs.record(message.run, results, self._clock.now())
        return results

    async def _look_up(self, ids: Sequence[str]) -> dict[str, DirectoryUser | Exception]:
        try:
            return dict(await self._directory.users(ids))
        except Exception as error:  # noqa: BLE001 - it becomes each user's failure, recorded below
            return dict.fromkeys(ids, error)

    async def _look_and_record(
        self, user_id: str, found: DirectoryUser | Exception, task: _Task
    ) -> UserResult:
        """Settle and record one user as soon as it can be, however slow the others are."""
        started = self._clock.monotonic()
        result = await self._settle(user_id, found, task)
        took = self._clock.monotonic() - started
        message = task.message
        await self._recorder.record(result, message.cause, task.began, run=message.run, took=took)
        return result

    async def _settle(
        self, user_id: str, found: DirectoryUser | Exception, task: _Task
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
            return await self._look(found, task)
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

    async def _look(self, user: DirectoryUser, task: _Task) -> UserResult:
        """Look and act; where it stays unsure whether the change happened, look again before more."""
        begun: str | None = None
        for pause in _LOOK_AGAIN_AFTER:
            try:
                return await self._look_once(user, begun, task)
            except _UnsureChangeError as unsure:
                begun = unsure.old_provider
                await self._clock.sleep(pause)
        return await self._look_once(user, begun, task)

    async def _look_once(self, user: DirectoryUser, begun: str | None, task: _Task) -> UserResult:
        if refused := screen(user, task.rules):
            return _result(user, refused)
        service = await self._conferencing.user(user.id)
        decision = decide(user, service, task.rules)
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
            return _result(user, decision, Outcome.WOULD_MOVE, _provider_name(service))
        return await self._change(user, service, decision, task)

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
        self, user: DirectoryUser, service: ServiceUser, decision: Decision, task: _Task
    ) -> UserResult:
        if decision.action is Action.REPLACE:
            await self._replaced.save(service, self._clock.now(), for_move=True)
        try:
            await self._conferencing.set_microsoft(
                user.id,
                replace=decision.action is Action.REPLACE,
                number=decision.number,
                toll_free=decision.toll_free,
                send_email=task.send_email,
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
        return await self._confirm(user, service, decision, task)

    async def _confirm(
        self, user: DirectoryUser, before: ServiceUser, decision: Decision, task: _Task
    ) -> UserResult:
        """Read back until the change shows; a change that does not show is looked at again later."""
        for pause in _CONFIRM_AFTER:
            await self._clock.sleep(pause)
            service = await self._conferencing.user(user.id)
            if decide(user, service, task.rules).action is Action.ALREADY:
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


def _handled(
    message: MoveMessage, results: Sequence[UserResult], throttled: int, took: float
) -> Handled:
    outcomes = Counter(result.outcome for result in results)
    return Handled(
        cause=message.cause,
        run=message.run,
        users=len(results),
        moved=outcomes[Outcome.MOVED],
        would_move=outcomes[Outcome.WOULD_MOVE],
        waiting=outcomes[Outcome.WAITING],
        failed=outcomes[Outcome.FAILED],
        throttled=throttled,
        duration_ms=round(1000 * took),
    )


def _provider_name(user: ServiceUser) -> str:
    return user.provider.name if user.provider else ""
