"""Services that move users, and what they decide by."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from shared.bootstrap.adapters import Adapters
from shared.domain.run import Mode
from shared.settings.settings import Cloud, TeamsApi

if TYPE_CHECKING:
    from shared.domain.guard import GuardLimit
    from shared.domain.retry import RetryPolicy
    from shared.services.moving.batch import BatchMover
    from shared.services.moving.brakes import Brakes
    from shared.services.moving.preview import Previewer
    from shared.services.moving.recording import Recorder
    from shared.services.moving.standing_rules import StandingRules
    from shared.services.moving.user import UserMover
    from shared.services.upkeep.capabilities import CapabilityReader, Sources, WatchedConferencing
    from shared.services.upkeep.roster import RosterKeeper
    from shared.settings.settings import Settings


class MovingServices:
    """Builds each from `adapters` at its first use, as all services do."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.adapters = Adapters(settings)

    async def close(self) -> None:
        """Close the connections. A function app never does: its process just ends."""
        await self.adapters.close()

    @cached_property
    def mover(self) -> BatchMover:
        """Moves the users of a message."""
        from shared.services.moving.batch import BatchMover

        to = self.adapters
        return BatchMover(
            directory=to.graph,
            mover=self._user_mover,
            runs=to.runs,
            requests=to.move_requests,
            recorder=self._recorder,
            users=to.users,
            queue=to.queue(self.settings.queues.moves.name),
            rules=self.standing_rules,
            roster=self._roster_keeper,
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("moving"),
        )

    @cached_property
    def previewer(self) -> Previewer:
        """Says what would happen to users."""
        from shared.services.moving.preview import Previewer

        return Previewer(self.adapters.graph, self.adapters.teams, self.standing_rules)

    @cached_property
    def standing_rules(self) -> StandingRules:
        """The rules of the settings, with the ids of excluded users."""
        from shared.services.moving.standing_rules import StandingRules

        to = self.adapters
        return StandingRules(to.rules, to.graph, to.teams, to.state, to.clock)

    @cached_property
    def _user_mover(self) -> UserMover:
        from shared.services.moving.user import UserMover

        to = self.adapters
        return UserMover(
            directory=to.graph,
            conferencing=self._watched_teams,
            replaced=to.replaced,
            users=to.users,
            requests=to.move_requests,
            brakes=self.brakes,
            clock=to.clock,
            log=to.log("moving"),
        )

    @cached_property
    def _watched_teams(self) -> WatchedConferencing:
        from shared.services.upkeep.capabilities import WatchedConferencing

        log = self.adapters.log("capabilities")
        return WatchedConferencing(self.adapters.teams, self.capabilities, log)

    @cached_property
    def capabilities(self) -> CapabilityReader:
        """Finds out, shows and keeps what the service tells and takes."""
        from shared.services.upkeep.capabilities import CapabilityReader

        to, api = self.adapters, self.settings.teams_api.value
        log = to.log("capabilities")
        return CapabilityReader(self._sources, to.state, api, to.clock, log)

    def _sources(self) -> Sources:
        """Return what is asked of the tenant."""
        from shared.services.upkeep.capabilities import Sources

        to, of = self.adapters, self.settings
        documented = to.documented_teams if of.cloud is Cloud.PUBLIC else None
        switches = to.teams.switches
        # A snapshot is an object in the tenant, and in report mode nothing is written there.
        if documented and of.teams_api is TeamsApi.DOCUMENTED and of.mode is Mode.MOVE:
            switches = documented.snapshot_switches
        return Sources(
            conferencing=to.teams,
            bridges=to.teams.bridge_numbers,
            documented=documented.probe if documented else None,
            switches=switches,
        )

    @cached_property
    def brakes(self) -> Brakes:
        """Refuses changes: pause and guard."""
        from shared.services.moving.brakes import Brakes
        from shared.services.moving.guard import GuardCounter

        to = self.adapters
        return Brakes(
            guard=GuardCounter(to.guard, to.clock),
            held=to.held,
            waiting=to.waiting,
            runs=to.runs,
            history=to.history,
            state=to.state,
            limit=self._guard_limit,
            clock=to.clock,
            log=to.log("moving"),
        )

    @cached_property
    def _guard_limit(self) -> GuardLimit:
        from shared.domain.guard import GuardLimit

        of = self.settings
        window = timedelta(minutes=of.guard_window_minutes)
        enables, numbers = of.guard_max_enables, self.adapters.rules.numbers
        return GuardLimit(of.guard_max_moves, of.guard_max_share, window, enables, numbers)

    @cached_property
    def _recorder(self) -> Recorder:
        from shared.services.moving.recording import Recorder

        to = self.adapters
        return Recorder(
            directory=to.graph,
            users=to.users,
            waiting=to.waiting,
            history=to.history,
            brakes=self.brakes,
            policy=self._retry_policy,
            clock=to.clock,
            log=to.log("moving"),
        )

    @cached_property
    def _roster_keeper(self) -> RosterKeeper:
        from shared.services.upkeep.roster import RosterKeeper

        return RosterKeeper(self.adapters.roster, self.adapters.clock, self.adapters.log("roster"))

    @cached_property
    def _retry_policy(self) -> RetryPolicy:
        from shared.domain.retry import RetryPolicy

        of = self.settings
        return RetryPolicy(of.recheck_delays, of.grace, of.max_failures, of.reprocess_licenses)
