"""The numbers on lists are trusted for two seconds, and no longer."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.roster import RosterEntry, Standing
from shared.domain.run import Run, RunState, Signal
from shared.services.admin.picture import RosterPicture
from tests.fakes import NOON, FakeClock, FakeRoster, guid


@dataclass
class LastRuns:
    """Runs, the newest first."""

    runs: list[Run] = field(default_factory=list)
    asked: list[tuple[datetime, int]] = field(default_factory=list)

    async def newest(self, now: datetime, limit: int, before: str = "") -> list[Run]:  # noqa: ARG002
        """The first of them."""
        self.asked.append((now, limit))
        return self.runs[:limit]


async def test_a_change_is_seen_two_seconds_later() -> None:
    """Counts, and when the last sweep began; requests are not sweeps."""
    roster, runs, clock = FakeRoster(), LastRuns(), FakeClock()
    picture = RosterPicture(roster, runs, clock)
    before = await picture.read()
    assert (before.counts[Standing.READY], before.swept_at) == (0, None)
    await roster.note([RosterEntry(guid(1), Standing.READY, "", NOON)], NOON)
    runs.runs = [
        Run("request", Signal.REQUEST, RunState.FINISHED, clock.now()),
        Run("sweep", Signal.SWEEP, RunState.FINISHED, NOON - timedelta(hours=1)),
    ]
    await clock.sleep(1.9)
    assert await picture.read() == before
    await clock.sleep(0.1)
    after = await picture.read()
    assert (after.counts[Standing.READY], after.swept_at) == (1, NOON - timedelta(hours=1))
    assert runs.asked == [(NOON, 50), (clock.now(), 50)]
