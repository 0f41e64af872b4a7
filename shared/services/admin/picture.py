"""How many users are on each list, and the sweep that saw them: trusted for a moment, as lists show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.clock import Clock
from shared.concurrency import Fresh
from shared.domain.run import Signal
from shared.services.ports import NewestRuns, Roster

_FRESH: Final = 2.0
"""Seconds for which a process trusts what it read: a page of a list takes half of the requests then."""
_RUNS: Final = 50
"""Among so many last runs the last sweep is looked for."""


@dataclass(frozen=True, slots=True)
class Picture:
    """counts: users by list. swept_at: when the last sweep began; None: it is not among the last runs."""

    counts: Mapping[str, int]
    swept_at: datetime | None


class RosterPicture:
    """Reads it."""

    def __init__(self, roster: Roster, runs: NewestRuns, clock: Clock) -> None:
        self._roster = roster
        self._runs = runs
        self._clock = clock
        self._picture = Fresh(self._read, _FRESH, clock)

    async def read(self) -> Picture:
        """Return the picture, at most two seconds old. StorageError: it cannot be read."""
        return await self._picture.get()

    async def _read(self) -> Picture:
        runs = await self._runs.newest(self._clock.now(), _RUNS)
        sweeps = (run.started_at for run in runs if run.cause is Signal.SWEEP)
        return Picture(await self._roster.counts(), next(sweeps, None))
