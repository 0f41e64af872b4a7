"""A mover with fakes around it."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.domain.decision import Rules
from shared.domain.guard import GuardLimit
from shared.domain.messages import MoveMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Pace, RetryPolicy
from shared.domain.run import Mode, Signal
from shared.services.moving.batch import BatchMover
from shared.services.moving.brakes import Brakes
from shared.services.moving.guard import GuardCounter
from shared.services.moving.recording import Recorder
from shared.services.moving.user import UserMover
from shared.services.upkeep.roster import RosterKeeper
from shared.telemetry.log import EventLog
from tests.fakes import (
    FakeClock,
    FakeDirectory,
    FakeGuardSlots,
    FakeHeld,
    FakeHistory,
    FakeMoveRequests,
    FakeQueue,
    FakeReplaced,
    FakeRoster,
    FakeRules,
    FakeRuns,
    FakeState,
    FakeTeams,
    FakeUsers,
    FakeWaiting,
    guid,
)

LIMIT = GuardLimit(500, None, timedelta(hours=1))
"""The default limit."""
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
    guard: FakeGuardSlots = field(default_factory=FakeGuardSlots)
    held: FakeHeld = field(default_factory=FakeHeld)
    state: FakeState = field(default_factory=FakeState)
    history: FakeHistory = field(default_factory=FakeHistory)
    limit: GuardLimit = LIMIT
    pace: Pace = _EVERY_MINUTE
    report: bool = False
    reprocess: bool = False
    signal: Signal = Signal.LICENSE_EVENT
    mode: Mode | None = Mode.MOVE
    """That of the messages."""
    patience: float = 1_200.0

    def brakes(self) -> Brakes:
        """The brakes of one instance."""
        return Brakes(
            guard=GuardCounter(self.guard, self.clock),
            held=self.held,
            waiting=self.waiting,
            runs=self.runs,
            history=self.history,
            state=self.state,
            limit=self.limit,
            clock=self.clock,
            log=EventLog("acp.moving"),
        )

    def mover(self, rules: FakeRules | None = None) -> BatchMover:
        """A mover of an instance of its own."""
        brakes = self.brakes()
        recorder = Recorder(
            directory=self.directory,
            users=self.users,
            waiting=self.waiting,
            history=self.history,
            brakes=brakes,
            policy=RetryPolicy(self.pace, timedelta(hours=24), 3, self.reprocess),
            clock=self.clock,
            log=EventLog("acp.moving"),
        )
        user_mover = UserMover(
            directory=self.directory,
            conferencing=self.teams,
            replaced=self.replaced,
            users=self.users,
            requests=self.requests,
            brakes=brakes,
            clock=self.clock,
            log=EventLog("acp.moving"),
        )
        return BatchMover(
            patience=self.patience,
            directory=self.directory,
            mover=user_mover,
            runs=self.runs,
            requests=self.requests,
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


@dataclass
class SlowTeams(FakeTeams):
    """Teams whose answers take `seconds`, and before whose first one `queued` seconds pass."""

    clock: FakeClock | None = None
    queued: float = 0
    seconds: float = 0

    async def user(self, user_id: str, **options: Any) -> Any:
        await self._pass(self.seconds if options.get("first") else self.queued)
        return await super().user(user_id, **options)

    async def set_microsoft(self, user_id: str, **options: Any) -> None:
        assert self.clock
        await super().set_microsoft(user_id, **options)
        self.clock.passed += self.seconds

    async def conferencing_user(self, user_id: str, **options: Any) -> Any:
        try:
            return await super().conferencing_user(user_id, **options)
        finally:
            await self._pass(self.seconds)

    async def _pass(self, seconds: float) -> None:
        """Let time pass, the same for calls that are made at once."""
        assert self.clock
        end = self.clock.passed + seconds
        if seconds:
            await asyncio.sleep(0)
        self.clock.passed = max(self.clock.passed, end)
