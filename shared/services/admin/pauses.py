"""Pause all changes, and end the pause; stored, so that it holds for every instance at once."""

from shared.clock import Clock
from shared.domain.pause import PAUSE_FRESH, Pause, RequestedBy
from shared.errors import InputError
from shared.services.admin.reasons import LONGEST_NOTE, because, record_action
from shared.services.ports import State
from shared.telemetry.events import Paused
from shared.telemetry.log import EventLog


class Pauses:
    """Begins and ends the pause."""

    def __init__(self, state: State, clock: Clock, log: EventLog) -> None:
        self._state = state
        self._clock = clock
        self._log = log

    async def current(self) -> Pause | None:
        """Return the pause, or None. StorageError: not known."""
        return await self._state.pause()

    async def pause(self, note: str, by: RequestedBy) -> Pause:
        """Pause all changes from now on; a pause that is there is replaced. InputError: no note."""
        given = because(by, by.ticket, note)
        if not given.note:
            raise InputError(f"note: why changes are paused, in 1 to {LONGEST_NOTE} characters")
        pause = Pause(given.why, RequestedBy(by.name, by.id), self._clock.now())
        await self._state.save_pause(pause, by, pause.since)
        await self._tell("paused", given)
        # Every process has read it by then: when this returns, nobody begins a change any more.
        await self._clock.sleep(PAUSE_FRESH)
        return pause

    async def end(self, by: RequestedBy) -> Pause | None:
        """End the pause and return it; None: there was none."""
        ended = await self._state.pause()
        await self._state.save_pause(None, by, self._clock.now())
        if ended:
            await self._tell("resumed", by)
        return ended

    async def _tell(self, state: str, by: RequestedBy) -> None:
        who = self._log.who(by.name)
        self._log.write(Paused(state=state, requested_by=who, reason=by.why or None))
        await record_action(self._state, self._clock, state, by, "all changes")
