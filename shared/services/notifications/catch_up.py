"""Catch up: ask Graph what changed since the last time, so that lost notifications do not matter.

Source: "Use delta query to track changes in Microsoft Graph data" (users), Microsoft Graph
documentation: changes may appear twice, pages may be empty, a link expires after seven days.
"""

from collections.abc import Awaitable, Callable, Sequence

from shared.domain.listing import ChangedUser
from shared.domain.messages import move_messages
from shared.domain.run import Mode, Signal
from shared.errors import ExpiredError
from shared.services.ports import Directory, Queue, State, WaitingUsers
from shared.telemetry.events import CaughtUp, DeltaLinkExpired
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, operation


class CatchUp:
    """Queues users whose conferencing plan appeared, was enabled or changed.

    sweep: begins the requested full sweep, needed when the link is lost.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        state: State,
        queue: Queue,
        waiting: WaitingUsers,
        sweep: Callable[[], Awaitable[object]],
        mode: Mode,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._state = state
        self._queue = queue
        self._waiting = waiting
        self._sweep = sweep
        self._mode = mode
        self._log = log

    async def catch_up(self) -> int:
        """Queue all changed users; return how many.

        The new link is stored only when the users are queued. A page that breaks Graph's
        contract ends the run, and the old link stays: the next run reads the changes again.
        """
        with operation() as here:
            queued = await self._catch_up()
            if queued or here.throttled:
                self._log.write(CaughtUp(queued=queued, throttled=here.throttled))
        return queued

    async def _catch_up(self) -> int:
        link = await self._state.delta_link()
        if link is None:
            await self._state.save_delta_link(await self._directory.latest_delta_link())
            return 0
        queued = 0
        try:
            async for page in self._directory.changes(link):
                queued += await self._take(page.users)
                if page.delta_link:
                    await self._state.save_delta_link(page.delta_link)
        except ExpiredError:
            await self._start_anew()
        return queued

    async def _take(self, users: Sequence[ChangedUser]) -> int:
        changed = [user.id for user in users if user.may_be_licensed]
        # A removal means only "look": it may be old, and the user live again. It matters to none but
        # those who wait.
        for user in users:
            if user.removed and await self._waiting.find_waiting(user.id):
                changed.append(user.id)
        messages = move_messages(Signal.CATCH_UP, changed, mode=self._mode, operation=current_id())
        await self._queue.send(list(messages))
        return len(changed)

    async def _start_anew(self) -> None:
        """Get the new link before the sweep, so that no change is missed between the two.

        The sweep is requested before the link is stored: a crash in between loses neither.
        """
        self._log.write(DeltaLinkExpired())
        link = await self._directory.latest_delta_link()
        await self._state.request_sweep()
        await self._state.save_delta_link(link)
        await self._sweep()
