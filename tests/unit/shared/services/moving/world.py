"""A mover with fakes around it."""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.decision import Rules
from shared.domain.messages import MoveMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Pace, RetryPolicy
from shared.domain.run import Mode, Signal
from shared.services.moving.batch import BatchMover
from shared.services.moving.recording import Recorder
from shared.services.moving.user import UserMover
from shared.services.upkeep.roster import RosterKeeper
from shared.telemetry.log import EventLog
from tests.fakes import (
    FakeClock,
    FakeDirectory,
    FakeMoveRequests,
    FakeQueue,
    FakeReplaced,
    FakeRoster,
    FakeRules,
    FakeRuns,
    FakeTeams,
    FakeUsers,
    FakeWaiting,
    guid,
)

_EVERY_MINUTE = Pace(0.1, timedelta(minutes=1), timedelta(minutes=1))


@dataclass
class MovingWorld:
    """A mover, and what it works with."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    teams: FakeTeams = field(default_factory=FakeTeams)
    replaced: FakeReplaced = field(default_factory=FakeReplaced)
    users: FakeUsers = field(default_factory=FakeUsers)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    runs: FakeRuns = field(default_factory=FakeRuns)
    requests: FakeMoveRequests = field(default_factory=FakeMoveRequests)
    queue: FakeQueue = field(default_factory=FakeQueue)
    clock: FakeClock = field(default_factory=FakeClock)
    roster: FakeRoster = field(default_factory=FakeRoster)
    rules: Rules = field(default_factory=Rules)
    report: bool = False
    reprocess: bool = False
    signal: Signal = Signal.LICENSE_EVENT
    mode: Mode | None = Mode.MOVE
    """That of the messages."""

    def mover(self, rules: FakeRules | None = None) -> BatchMover:
        recorder = Recorder(
            directory=self.directory,
            users=self.users,
            waiting=self.waiting,
            policy=RetryPolicy(_EVERY_MINUTE, timedelta(hours=24), 3, self.reprocess),
            clock=self.clock,
            log=EventLog("acp.moving"),
        )
        user_mover = UserMover(
            directory=self.directory,
            conferencing=self.teams,
            replaced=self.replaced,
            users=self.users,
            requests=self.requests,
            clock=self.clock,
            log=EventLog("acp.moving"),
        )
        return BatchMover(
            directory=self.directory,
            mover=user_mover,
            runs=self.runs,
            recorder=recorder,
            users=self.users,
            queue=self.queue,
            rules=rules or FakeRules(self.rules),
            roster=RosterKeeper(self.roster, self.clock, EventLog("acp.roster")),
            mode=Mode.REPORT if self.report else Mode.MOVE,
            clock=self.clock,
            log=EventLog("acp.moving"),
        )

    def message(self, *users: str, run: str | None = None, retries: int = 0) -> MoveMessage:
        """A message about users."""
        return MoveMessage(self.signal, users, run, mode=self.mode, retries=retries)

    async def move(self, *numbers: int, run: str | None = None) -> list[UserResult]:
        users = tuple(guid(number) for number in numbers)
        return await self.mover().move(self.message(*users, run=run))

    async def outcome(self, number: int = 1) -> Outcome:
        (result,) = await self.move(number)
        return result.outcome
