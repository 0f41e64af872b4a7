"""A sweeper with fakes around it."""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.decision import Rules
from shared.domain.guard import GuardLimit
from shared.domain.retry import Pace, RetryPolicy
from shared.domain.run import Mode, Run, SweepRequest
from shared.domain.user import ProviderEntry
from shared.services.sweeping.reading import SweepReader
from shared.services.sweeping.sweep import Sweeper
from shared.services.upkeep.roster import RosterKeeper
from shared.telemetry.log import EventLog
from tests.fakes import (
    FakeClock,
    FakeDirectory,
    FakeHeld,
    FakeQueue,
    FakeReplaced,
    FakeRoster,
    FakeRules,
    FakeRuns,
    FakeState,
    FakeSweepPages,
    FakeTeams,
    FakeWaiting,
    in_service,
    licensed,
)

LIMIT = GuardLimit(500, None, timedelta(hours=1))
"""The default limit."""


@dataclass
class SweepingWorld:
    """A sweeper, and what it works with."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    teams: FakeTeams = field(default_factory=FakeTeams)
    replaced: FakeReplaced = field(default_factory=FakeReplaced)
    runs: FakeRuns = field(default_factory=FakeRuns)
    pages: FakeSweepPages = field(default_factory=FakeSweepPages)
    state: FakeState = field(default_factory=FakeState)
    queue: FakeQueue = field(default_factory=FakeQueue)
    clock: FakeClock = field(default_factory=FakeClock)
    roster: FakeRoster = field(default_factory=FakeRoster)
    rules: Rules = field(default_factory=Rules)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    mode: Mode = Mode.MOVE
    limit: GuardLimit | None = LIMIT
    held: FakeHeld = field(default_factory=FakeHeld)
    pace: Pace = field(
        default_factory=lambda: Pace(0.1, timedelta(minutes=1), timedelta(minutes=1))
    )

    def sweeper(self) -> Sweeper:
        reader = SweepReader(
            directory=self.directory,
            conferencing=self.teams,
            replaced=self.replaced,
            waiting=self.waiting,
            runs=self.runs,
            pages=self.pages,
            rules=FakeRules(self.rules),
            roster=RosterKeeper(self.roster, self.clock, EventLog("acp.roster")),
            held=self.held,
            clock=self.clock,
            log=EventLog("acp.sweeping"),
        )
        return Sweeper(
            reader=reader,
            runs=self.runs,
            pages=self.pages,
            state=self.state,
            queue=self.queue,
            limit=self.limit,
            mode=self.mode,
            policy=RetryPolicy(self.pace, timedelta(hours=24), 3),
            lease=timedelta(minutes=5),
            clock=self.clock,
            log=EventLog("acp.sweeping"),
        )

    async def sweep(self) -> Run:
        run = await self.sweeper().sweep()
        assert run is not None
        return run

    def fill(self, count: int, *entries: ProviderEntry) -> None:
        """Add licensed users, without provider or with these entries."""
        self.directory.add(*(licensed(number) for number in range(count)))
        self.teams.add(*(in_service(number, *entries) for number in range(count)))

    @property
    def requested(self) -> SweepRequest | None:
        return self.state.wanted

    @property
    def queued(self) -> set[str]:
        return set(self.sent)

    @property
    def sent(self) -> list[str]:
        return self.queue.users
