"""Status: what the app may do now, and who waits for what. Counts alone, read from storage."""

from asyncio import gather
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.license_age import LicenseAges
from shared.domain.pause import Pause
from shared.domain.roster import Standing, license_ages
from shared.domain.run import Mode, Signal
from shared.domain.schedule import Schedule
from shared.services.admin.run_history import RunHistory
from shared.services.ports import HeldUsers, Roster, State, WaitingUsers
from shared.services.upkeep.capabilities import CapabilityReader

_MONTHS: Final = 2
_WEEK: Final = timedelta(days=7)
_AHEAD: Final = timedelta(days=8)
"""How far the next sweep is looked for."""


@dataclass(frozen=True, slots=True)
class Status:
    """mode: of the app. held_runs, held_users: whom the guard holds. waiting, attention: users.

    capabilities: what is known of the service, for people. licensed: users at the last sweep, None before
    the first. on_microsoft, ready: users as they were last seen; who is held is ready. pilot: only members of
    some groups are changed. last_sweep, next_sweep: when it began, or begins. delta_age: since the change
    feed was read to its end; None: never. license_ages: of those who were moved within a week because of a
    new license; None: nobody.
    """

    mode: Mode
    paused: Pause | None
    held_runs: int
    held_users: int
    waiting: int
    attention: int
    capabilities: Mapping[str, str]
    licensed: int | None = None
    on_microsoft: int = 0
    ready: int = 0
    pilot: bool = False
    last_sweep: datetime | None = None
    next_sweep: datetime | None = None
    delta_age: timedelta | None = None
    license_ages: LicenseAges | None = None


class StatusReader:
    """Reads the status."""

    def __init__(
        self,
        *,
        state: State,
        held: HeldUsers,
        waiting: WaitingUsers,
        capabilities: CapabilityReader,
        roster: Roster,
        history: RunHistory,
        sweeps: Schedule,
        mode: Mode,
        pilot: bool,
        clock: Clock,
    ) -> None:
        self._state = state
        self._held = held
        self._waiting = waiting
        self._capabilities = capabilities
        self._roster = roster
        self._history = history
        self._sweeps = sweeps
        self._mode = mode
        self._pilot = pilot
        self._clock = clock

    async def read(self) -> Status:
        """Return the status. StorageError: the storage does not answer."""
        now = self._clock.now()
        held, (waiting, attention), (seen, days), swept = await gather(
            self._held.counts(),
            self._waiting.counts(),
            self._roster.figures((now - _WEEK).date()),
            self._last_sweep(),
        )
        pause, licensed, delta_at, known = await gather(
            self._state.pause(),
            self._state.licensed(),
            self._state.delta_at(),
            self._capabilities.shown(),
        )
        return Status(
            self._mode,
            pause,
            len(held),
            sum(held.values()),
            waiting,
            attention.total(),
            known,
            licensed,
            seen.get(Standing.ON_MICROSOFT, 0),
            seen.get(Standing.READY, 0) + seen.get(Standing.HELD, 0),
            self._pilot,
            swept,
            next(self._sweeps.moments(now, now + _AHEAD), None),
            now - delta_at if delta_at else None,
            license_ages(days, now.date()),
        )

    async def _last_sweep(self) -> datetime | None:
        async for run in self._history.runs(_MONTHS, Signal.SWEEP):
            return run.started_at
        return None
