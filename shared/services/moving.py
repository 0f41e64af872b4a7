"""Looks at the users of one queue message and sets Microsoft as provider where the table says so.

Every look re-reads the user's state, so a message may come twice, late or out of order: the effect
is the same. One user's failure touches no other. What a look found is always recorded.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Action, Decision, Rules, decide, screen
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser, ServiceUser
from shared.domain.waiting import (
    Cause,
    Patience,
    Waiting,
    after_reprocessing,
    ask_person,
    keep_waiting,
    may_reprocess,
)
from shared.errors import (
    AcpError,
    NotFoundError,
    RefusedError,
    ServiceError,
)
from shared.log import EventLog
from shared.services.ports import (
    Conferencing,
    Directory,
    ReplacedProviders,
    Runs,
    Users,
    WaitingUsers,
)
from shared.storage.messages import MoveMessage

_CONFIRM_AFTER: Final = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each reading back: the service's reads may lag behind its writes."""

_RETIRED: Final = "ReplaceProviderRetired"
"""The service's code for: replacing a third-party provider is not offered any more."""


class Mover:
    """Moves users. `report`: tell what would be done and write nothing to the tenant."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        users: Users,
        waiting: WaitingUsers,
        runs: Runs,
        rules: Rules,
        patience: Patience,
        clock: Clock,
        log: EventLog,
        report: bool,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._replaced = replaced
        self._users = users
        self._waiting = waiting
        self._runs = runs
        self._rules = rules
        self._patience = patience
        self._clock = clock
        self._log = log
        self._report = report

    async def move(self, message: MoveMessage) -> list[UserResult]:
        """Look at every user of `message`; return what happened to each, in its order.

        Raises StorageError when an outcome could not be recorded: then the message has to come
        again, for nothing else would remember its users.
        """
        ids = list(dict.fromkeys(message.users))
        found = await self._look_up(ids)
        results = list(await asyncio.gather(*(self._settle(user, found[user]) for user in ids)))
        recorded = await asyncio.gather(
            *(self._record(result, message.cause) for result in results), return_exceptions=True
        )
        for failure in filter(None, recorded):
            raise failure
        if message.run:
            await self._runs.record(message.run, results, self._clock.now())
        return results

    async def _look_up(self, ids: Sequence[str]) -> dict[str, DirectoryUser | ServiceError]:
        try:
            return dict(await self._directory.users(ids))
        except ServiceError as error:
            return dict.fromkeys(ids, error)

    async def _settle(self, user_id: str, found: DirectoryUser | ServiceError) -> UserResult:
        """Bring one user to an outcome; an error becomes the outcome `failed`."""
        upn = found.upn if isinstance(found, DirectoryUser) else ""
        try:
            if isinstance(found, NotFoundError):
                return UserResult(
                    user_id, Outcome.NOT_FOUND, "the directory does not know the user"
                )
            if isinstance(found, ServiceError):
                raise found
            return await self._look(found)
        except AcpError as error:
            return UserResult(
                user_id,
                Outcome.FAILED,
                str(error),
                upn,
                needs_person=isinstance(error, RefusedError),
            )
        except Exception as error:  # noqa: BLE001 - a defect met by one user must not stop the others
            self._log.error("unexpected", user=self._log.who(user_id), error=error)
            return UserResult(user_id, Outcome.FAILED, f"unexpected {type(error).__name__}", upn)

    async def _look(self, user: DirectoryUser) -> UserResult:
        if refused := screen(user, self._rules):
            return _result(user, refused)
        service = await self._conferencing.user(user.id)
        decision = decide(user, service, self._rules)
        if service is None or not decision.action.changes_tenant:
            return _result(user, decision)
        if self._report:
            return _result(user, decision, Outcome.WOULD_MOVE, service)
        return await self._change(user, service, decision)

    async def _change(
        self, user: DirectoryUser, service: ServiceUser, decision: Decision
    ) -> UserResult:
        if decision.action is Action.REPLACE:
            await self._replaced.save(service, self._clock.now())
        try:
            await self._conferencing.set_microsoft(
                user.id, replace=decision.action is Action.REPLACE, number=decision.number
            )
        except NotFoundError:
            waits = Decision(Action.WAIT, "the service says: not a conferencing user yet")
            return _result(user, waits)
        except RefusedError as error:
            if error.code == _RETIRED:
                reason = "the service does not replace third-party providers any more"
                return UserResult(user.id, Outcome.FAILED, reason, user.upn, needs_person=True)
            raise
        return await self._confirm(user, service, decision)

    async def _confirm(
        self, user: DirectoryUser, before: ServiceUser, decision: Decision
    ) -> UserResult:
        """Read back until the change shows; a change that does not show is looked at again later."""
        for pause in _CONFIRM_AFTER:
            await self._clock.sleep(pause)
            service = await self._conferencing.user(user.id)
            left = decide(user, service, self._rules).action
            if left is Action.ALREADY:
                done = None if decision.action is Action.SET_NUMBER else Outcome.MOVED
                return _result(user, decision, done, before)
        reason = "the service took the change but does not show it yet"
        return UserResult(user.id, Outcome.FAILED, reason, user.upn)

    async def _record(self, result: UserResult, cause: str) -> None:
        now = self._clock.now()
        await self._users.record(result, cause, now)
        if result.outcome in (Outcome.WAITING, Outcome.FAILED):
            await self._remember(result)
        else:
            await self._waiting.remove(result.user_id)
        who = self._log.who(result.user_id)
        self._log.info(str(result.outcome), user=who, cause=cause, reason=result.reason)

    async def _remember(self, result: UserResult) -> None:
        """Put a waiting or failed user where the next look, or a person, finds it."""
        now = self._clock.now()
        if result.needs_person:
            row = ask_person(result.user_id, result.upn, result.reason, now)
        else:
            row = keep_waiting(
                await self._waiting.get(result.user_id),
                user_id=result.user_id,
                upn=result.upn,
                cause=Cause.FAILURE if result.outcome is Outcome.FAILED else Cause.PROVISIONING,
                reason=result.reason,
                now=now,
                patience=self._patience,
            )
        if may_reprocess(row, self._patience) and not self._report:
            row = await self._reprocess(row)
        await self._waiting.put(row)

    async def _reprocess(self, row: Waiting) -> Waiting:
        """Ask Graph once to process the license again; if it refuses, a person is asked instead."""
        try:
            await self._directory.reprocess(row.user_id)
        except ServiceError as error:
            return replace(row, reason=f"{row.reason}; reprocessing failed: {error}")
        return after_reprocessing(row, self._clock.now(), self._patience)


_OUTCOMES: Final = {
    Action.REPLACE: Outcome.MOVED,
    Action.ENABLE: Outcome.MOVED,
    Action.SET_NUMBER: Outcome.ALREADY_MICROSOFT,
    Action.ALREADY: Outcome.ALREADY_MICROSOFT,
    Action.WAIT: Outcome.WAITING,
    Action.UNLICENSED: Outcome.UNLICENSED,
    Action.EXCLUDED: Outcome.EXCLUDED,
}


def _result(
    user: DirectoryUser,
    decision: Decision,
    outcome: Outcome | None = None,
    before: ServiceUser | None = None,
) -> UserResult:
    old = before.provider if before else None
    return UserResult(
        user.id,
        outcome or _OUTCOMES[decision.action],
        decision.reason,
        user.upn,
        old_provider=old.name if old else None,
    )
