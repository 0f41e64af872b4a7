"""Pause all changes, and end the pause; stored, so that it holds for every instance at once."""

from shared.clock import Clock
from shared.domain.pause import PAUSE_FRESH, Pause, RequestedBy
from shared.errors import InputError
from shared.services.ports import State
from shared.telemetry.events import Paused
from shared.telemetry.log import EventLog

_LONGEST_NOTE = 500


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
        note = " ".join("".join(c if c.isprintable() else " " for c in note).split())
        if not 0 < len(note) <= _LONGEST_NOTE:
            raise InputError(f"note: why changes are paused, in 1 to {_LONGEST_NOTE} characters")
        pause = Pause(note, by, self._clock.now())
        await self._state.save_pause(pause, by, pause.since)
        self._tell("paused", by, note)
        # Every process has read it by then: when this returns, nobody begins a change any more.
        await self._clock.sleep(PAUSE_FRESH)
        return pause

    async def end(self, by: RequestedBy) -> Pause | None:
        """End the pause and return it; None: there was none."""
        ended = await self._state.pause()
        await self._state.save_pause(None, by, self._clock.now())
        if ended:
            self._tell("resumed", by, None)
        return ended

    def _tell(self, state: str, by: RequestedBy, reason: str | None) -> None:
        who = self._log.who(by.name)
        self._log.write(Paused(state=state, requested_by=who, reason=reason))
