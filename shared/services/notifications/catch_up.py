"""Catch up: ask Graph what changed since the last time, so that lost notifications do not matter.

The place reached is stored page by page, so that a long round goes on where it stopped: after an error,
and after the time that one run may take. Source: "Use delta query to track changes in Microsoft Graph
data" (users), Microsoft Graph documentation: changes may appear twice, pages may be empty, a link expires
after seven days.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.changes import needs_attempt
from shared.domain.listing import ChangedUser
from shared.domain.messages import move_messages
from shared.domain.run import Mode, Signal
from shared.errors import BusyError, ExpiredError, StorageError, UnreadableRowError
from shared.services.ports import Directory, Queue, State, Users, WaitingUsers
from shared.telemetry.events import CaughtUp, DeltaLinkExpired
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, operation

SLOT: Final = timedelta(minutes=45)
"""How long one run reads: less than `functionTimeout` in host.json, which kills the process."""

_READS_IN_FLIGHT: Final = 16

_LEASE: Final = "catch-up"
_LEASE_SPAN: Final = timedelta(minutes=2)
"""How long a killed instance blocks others. Who loses it to a slow page stores no link (`StaleError`)."""


@dataclass(slots=True)
class _Count:
    queued: int = 0
    unchanged: int = 0
    skipped: int = 0


class CatchUp:
    """Queues users whose conferencing plan appeared, was enabled or changed."""

    def __init__(
        self,
        *,
        directory: Directory,
        state: State,
        queue: Queue,
        users: Users,
        waiting: WaitingUsers,
        mode: Mode,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._state = state
        self._queue = queue
        self._users = users
        self._waiting = waiting
        self._mode = mode
        self._clock = clock
        self._log = log
        self._owner = secrets.token_hex(8)
        self._leased_at = clock.now()

    async def catch_up(self) -> int:
        """Queue all changed users; return how many.

        A page's following link is stored only when its users are queued. A page that breaks Graph's
        contract ends the run, and the link before it stays: the next run reads its changes again.
        BusyError: another instance is catching up.
        """
        await self._take_lease()
        try:
            return await self._under_lease()
        finally:
            await self._state.release(_LEASE, self._owner, self._clock.now())

    async def _take_lease(self, *, renew: bool = False) -> None:
        now = self._clock.now()
        if renew and timedelta(0) <= now - self._leased_at < _LEASE_SPAN / 3:
            return  # nobody can have taken it
        if not await self._state.acquire(_LEASE, self._owner, now, _LEASE_SPAN, renew=renew):
            raise BusyError("another instance is catching up")
        self._leased_at = now

    async def _under_lease(self) -> int:
        count = _Count()
        with operation() as here:
            try:
                await self._catch_up(count)
            finally:
                if count != _Count() or here.throttled:
                    self._log.write(
                        CaughtUp(
                            queued=count.queued,
                            unchanged=count.unchanged or None,
                            skipped=count.skipped or None,
                            throttled=here.throttled,
                        )
                    )
        return count.queued

    async def _catch_up(self, count: _Count) -> None:
        until = self._clock.now() + SLOT
        try:
            link = await self._state.delta_link()
        except UnreadableRowError:
            await self._start_anew(None)
            return
        if link is None:
            latest = await self._directory.latest_delta_link()
            await self._state.save_delta_link(latest, None, self._clock.now())
            return
        try:
            async for page in self._directory.changes(link):
                await self._take_lease(renew=True)
                count.skipped += page.skipped
                await self._take(page.users, count)
                if following := page.delta_link or page.next_link:
                    done = self._clock.now() if page.delta_link else None
                    await self._state.save_delta_link(following, link, done)
                    link = following
                if self._clock.now() >= until:
                    return  # the next run reads on
        except ExpiredError:
            await self._start_anew(link)

    async def _take(self, users: Sequence[ChangedUser], count: _Count) -> None:
        named = [user for user in users if _is_user(user)]
        count.skipped += len(users) - len(named)
        verdicts = await gather_bounded(map(self._needs_attempt, named), _READS_IN_FLIGHT)
        changed = [user.id for user, needed in zip(named, verdicts, strict=True) if needed]
        count.unchanged += sum(
            user.may_be_licensed and not needed
            for user, needed in zip(named, verdicts, strict=True)
        )
        messages = move_messages(Signal.CATCH_UP, changed, mode=self._mode, operation=current_id())
        await self._queue.send(list(messages))
        count.queued += len(changed)

    async def _needs_attempt(self, user: ChangedUser) -> bool:
        if user.removed:
            # A removal means only "look": it may be old, and the user live again. It matters to none
            # but those who wait.
            return await self._waiting.find_waiting(user.id) is not None
        if user.assigned_at is None:
            return user.may_be_licensed
        try:
            known = await self._users.known(user.id)
        except StorageError:
            known = None  # in doubt there is an attempt
        return needs_attempt(user, known, self._clock.now())

    async def _start_anew(self, link: str | None) -> None:
        """Get the new link before a sweep is requested, so that no change is missed between the two.

        The sweep is requested before the link is stored: a crash in between loses neither.
        """
        self._log.write(DeltaLinkExpired())
        latest = await self._directory.latest_delta_link()
        await self._state.request_sweep()
        await self._state.save_delta_link(latest, link, self._clock.now())


def _is_user(user: ChangedUser) -> bool:
    try:
        UUID(user.id)
    except (ValueError, TypeError, AttributeError):
        return False
    return True
