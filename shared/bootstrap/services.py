"""The services, each built on the adapters at its first use."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from shared.bootstrap.adapters import Adapters
from shared.concurrency import each_of
from shared.domain.run import Mode
from shared.settings.settings import Cloud, TeamsApi, unknown_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.domain.guard import GuardLimit
    from shared.domain.move_request import MoveRequest
    from shared.domain.retry import RetryPolicy
    from shared.services.admin.attention import Acknowledger
    from shared.services.admin.cancelling import Canceller
    from shared.services.admin.doctor import Doctor
    from shared.services.admin.effects import EffectsReader
    from shared.services.admin.forget import Forgetter
    from shared.services.admin.health import Health
    from shared.services.admin.number_changes import NumberChanges
    from shared.services.admin.pauses import Pauses
    from shared.services.admin.people import People
    from shared.services.admin.picture import RosterPicture
    from shared.services.admin.releases import Releases
    from shared.services.admin.result_details import ResultDetails
    from shared.services.admin.run_history import RunHistory
    from shared.services.admin.saved_ids import SavedIds
    from shared.services.admin.status import StatusReader
    from shared.services.admin.user_history import UserHistory
    from shared.services.admin.user_view import UserReader
    from shared.services.move_requests.carry_out import MoveRunner
    from shared.services.move_requests.failed_pages import FailedPages
    from shared.services.move_requests.queued import QueuedMoveRequests
    from shared.services.moving.batch import BatchMover
    from shared.services.moving.brakes import Brakes
    from shared.services.moving.preview import Previewer
    from shared.services.moving.recording import Recorder
    from shared.services.moving.standing_rules import StandingRules
    from shared.services.moving.user import UserMover
    from shared.services.notifications.catch_up import CatchUp
    from shared.services.notifications.intake import NotificationIntake
    from shared.services.notifications.queued_events import QueuedEvents
    from shared.services.notifications.subscription import Subscriber
    from shared.services.sweeping.finding import Finder
    from shared.services.sweeping.sweep import Sweeper
    from shared.services.upkeep.capabilities import CapabilityReader, WatchedConferencing
    from shared.services.upkeep.failed_events import FailedEvents
    from shared.services.upkeep.janitor import Janitor
    from shared.services.upkeep.metrics import MetricsCollector
    from shared.services.upkeep.poison import PoisonRecorder
    from shared.services.upkeep.protection import Protection
    from shared.services.upkeep.recheck import Rechecker
    from shared.services.upkeep.roster import RosterKeeper
    from shared.services.upkeep.rule_check import RuleChecker
    from shared.services.upkeep.run_outcomes import RunOutcomes
    from shared.services.upkeep.tick import Ticker
    from shared.settings.settings import Settings


class App:
    """Services of the function app and the command line, built from `adapters` on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.adapters = Adapters(settings)

    async def close(self) -> None:
        """Close the connections. A function app never does: its process just ends."""
        await self.adapters.close()

    # Moving users

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

    # Sweeping

    @cached_property
    def sweeper(self) -> Sweeper:
        """Sweeps all users."""
        from shared.services.sweeping.reading import SweepReader
        from shared.services.sweeping.sweep import Sweeper

        to = self.adapters
        reader = SweepReader(
            directory=to.graph,
            conferencing=to.teams,
            replaced=to.replaced,
            waiting=to.waiting,
            runs=to.runs,
            pages=to.sweep_pages,
            rules=self.standing_rules,
            roster=self._roster_keeper,
            held=to.held,
            clock=to.clock,
            log=to.log("sweeping"),
        )
        return Sweeper(
            reader=reader,
            runs=to.runs,
            pages=to.sweep_pages,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            # A report moves no users, so there is nothing to hold.
            limit=None if self.settings.mode is Mode.REPORT else self._guard_limit,
            mode=self.settings.mode,
            policy=self._retry_policy,
            lease=timedelta(seconds=self.settings.sweep_lease_seconds),
            clock=to.clock,
            log=to.log("sweeping"),
        )

    @cached_property
    def finder(self) -> Finder:
        """Finds users by provider."""
        from shared.services.sweeping.finding import Finder

        return Finder(self.adapters.graph, self.adapters.teams, self.standing_rules)

    # Notifications

    @cached_property
    def intake(self) -> NotificationIntake:
        """Reads change notifications."""
        from shared.services.notifications.intake import NotificationIntake

        to = self.adapters
        of = self.settings
        return NotificationIntake(to.state, of.tenant_id, of.mode, to.clock, to.log("intake"))

    @cached_property
    def queued_events(self) -> QueuedEvents:
        """Takes the events that Event Grid put into a queue."""
        from shared.services.notifications.queued_events import QueuedEvents

        return QueuedEvents(self.intake, self.mover)

    @cached_property
    def catch_up(self) -> CatchUp:
        """Asks Graph which licenses changed."""
        from shared.services.notifications.catch_up import CatchUp

        to = self.adapters
        return CatchUp(
            directory=to.graph,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            users=to.users,
            waiting=to.waiting,
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("catching_up"),
        )

    @cached_property
    def subscriber(self) -> Subscriber:
        """Maintains the change subscription."""
        from shared.services.notifications.subscription import Subscriber

        to, url = self.adapters, self.settings.notification_url
        return Subscriber(to.graph, to.state, url, to.clock, to.log("subscribing"))

    # Requests of people and programs

    @cached_property
    def move_requests(self) -> QueuedMoveRequests:
        """Accepts requests, and carries them out page by page."""
        from shared.services.move_requests.queued import QueuedMoveRequests

        to = self.adapters
        return QueuedMoveRequests(
            runner=self.move_runner,
            previewer=self.previewer,
            finder=self.finder,
            requests=to.move_requests,
            runs=to.runs,
            queue=to.queue(self.settings.queues.requests.name),
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("requests"),
        )

    @cached_property
    def move_runner(self) -> MoveRunner:
        """Carries out requests in this process."""
        from shared.services.move_requests.carry_out import MoveRunner

        to = self.adapters
        return MoveRunner(
            directory=to.graph,
            mover=self.mover,
            requests=to.move_requests,
            runs=to.runs,
            mode=self.settings.mode,
            clock=to.clock,
        )

    @cached_property
    def failed_pages(self) -> FailedPages:
        """Marks the runs of poison messages."""
        from shared.services.move_requests.failed_pages import FailedPages
        from shared.storage.codec import decode_page

        to = self.adapters
        poison = to.poison(self.settings.queues.requests, decode_page)
        return FailedPages(poison, to.runs, to.log("poison"))

    async def validated(self, request: MoveRequest) -> MoveRequest:
        """Return a request that this tenant can carry out; InputError: it cannot."""
        from shared.services.move_requests.validate import validate

        return await validate(request, self.adapters.teams, self.adapters.rules)

    # Upkeep

    @cached_property
    def ticker(self) -> Ticker:
        """Does what is due every minute or every few minutes."""
        from shared.domain.messages import Upkeep
        from shared.domain.schedule import Schedule
        from shared.services.upkeep.tick import Part, Ticker

        to, of = self.adapters, self.settings
        recheck = Schedule.parse(of.recheck_schedule)
        catch_up = Schedule.parse(of.catch_up_schedule)
        poison = (self.poison.record, self.failed_pages.record, self.failed_events.record)
        parts = {
            Upkeep.RENEW: Part(partial(self.subscriber.keep, renew_now=True)),
            Upkeep.RECHECK: Part(self.rechecker.recheck, recheck),
            Upkeep.RELEASES: Part(self.releases.resume, recheck),
            Upkeep.SWEEP: Part(self.sweeper.resume, recheck),
            Upkeep.RUNS: Part(self.run_outcomes.update, recheck),
            Upkeep.CATCH_UP: Part(self.catch_up.catch_up, catch_up),
            Upkeep.POISON: Part(partial(each_of, *poison), catch_up),
            Upkeep.MEASURE: Part(self.metrics.measure, catch_up),
        }
        queue = to.queue(of.queues.upkeep.name)
        return Ticker(parts, Schedule.parse(of.tick_schedule), queue, to.clock, to.log("tick"))

    @cached_property
    def rechecker(self) -> Rechecker:
        """Queues waiting users who are due."""
        from shared.services.upkeep.recheck import Rechecker

        to = self.adapters
        queue = to.queue(self.settings.queues.moves.name)
        mode = self.settings.mode
        log = to.log("rechecking")
        return Rechecker(to.waiting, queue, mode, to.clock, log, state=to.state)

    @cached_property
    def poison(self) -> PoisonRecorder:
        """Records the users of poison messages."""
        from shared.services.upkeep.poison import PoisonRecorder
        from shared.storage.codec import decode_move, decode_upkeep

        to, queues = self.adapters, self.settings.queues
        return PoisonRecorder(
            moves=to.poison(queues.moves, decode_move),
            upkeep=to.poison(queues.upkeep, decode_upkeep),
            queue=to.queue(queues.moves.name),
            users=to.users,
            runs=to.runs,
            waiting=to.waiting,
            clock=to.clock,
            log=to.log("poison"),
        )

    @cached_property
    def failed_events(self) -> FailedEvents:
        """Gives the users of poison events another attempt."""
        from shared.domain.cloud_event import read_cloud_event
        from shared.services.upkeep.failed_events import FailedEvents

        to, queues = self.adapters, self.settings.queues
        poison = [to.poison(queues.events, read_cloud_event)] if queues.events else []
        return FailedEvents(poison, self.intake, to.queue(queues.moves.name), to.log("poison"))

    @cached_property
    def janitor(self) -> Janitor:
        """Deletes what is older than it is kept."""
        from shared.domain.cloud_event import read_cloud_event
        from shared.domain.retention import Retention
        from shared.services.upkeep.janitor import Janitor
        from shared.storage.codec import decode_move, decode_page, decode_upkeep

        to, of, queues = self.adapters, self.settings, self.settings.queues
        return Janitor(
            leftovers=to.leftovers,
            runs=to.runs,
            held=to.held,
            waiting=to.waiting,
            state=to.state,
            directory=to.graph,
            poison=[
                to.poison(queues.moves, decode_move),
                to.poison(queues.requests, decode_page),
                to.poison(queues.upkeep, decode_upkeep),
                *([to.poison(queues.events, read_cloud_event)] if queues.events else []),
            ],
            retention=Retention(
                runs=timedelta(days=of.keep_runs_days),
                held=timedelta(days=of.keep_held_days),
                keys=timedelta(days=of.keep_keys_days),
                users=timedelta(days=of.keep_users_days),
                poison=timedelta(days=of.keep_poison_days),
                history=timedelta(days=of.keep_history_days),
            ),
            clock=to.clock,
            log=to.log("janitor"),
        )

    @cached_property
    def metrics(self) -> MetricsCollector:
        """Measures what is left to do."""
        from shared.services.upkeep.metrics import MetricsCollector

        to = self.adapters
        poison = [to.queue(queue.poison).count for queue in self.settings.queues]
        log = to.log("measuring")
        return MetricsCollector(to.waiting, to.state, poison, to.clock, log, held=to.held)

    @cached_property
    def rule_checker(self) -> RuleChecker:
        """Checks the rules of the settings against the tenant."""
        from shared.services.upkeep.rule_check import RuleChecker

        to = self.adapters
        return RuleChecker(to.teams, to.graph, to.state, to.rules, to.log("rules"))

    @cached_property
    def capabilities(self) -> CapabilityReader:
        """Finds out, shows and keeps what the service tells and takes."""
        from shared.services.upkeep.capabilities import CapabilityReader, Sources

        to, of = self.adapters, self.settings
        documented = to.documented_teams if of.cloud is Cloud.PUBLIC else None
        switches = to.teams.switches
        # A snapshot is an object in the tenant, and in report mode nothing is written there.
        if documented and of.teams_api is TeamsApi.DOCUMENTED and of.mode is Mode.MOVE:
            switches = documented.snapshot_switches
        sources = Sources(
            conferencing=to.teams,
            bridges=to.teams.bridge_numbers,
            documented=documented.probe if documented else None,
            switches=switches,
        )
        log = to.log("capabilities")
        return CapabilityReader(sources, to.state, of.teams_api.value, to.clock, log)

    @cached_property
    def protection(self) -> Protection:
        """Compares what protects users here and in the deployed app."""
        from shared.services.upkeep.protection import Protection

        return Protection(self.adapters.state, self.settings.protection)

    # Administration

    @cached_property
    def health(self) -> Health:
        """Checks storage, Graph and Teams."""
        from shared.services.admin.health import Health

        to = self.adapters
        checks = {
            "storage": to.state.probe,
            "graph": to.graph.probe,
            "teams": to.teams.probe,
            "rules": self.rule_checker.raise_known_faults,
        }
        return Health(checks, to.clock, to.log("health"), self.pauses.current)

    @cached_property
    def user_reader(self) -> UserReader:
        """Reads everything about one user."""
        from shared.services.admin.user_view import UserReader

        to = self.adapters
        return UserReader(
            directory=to.graph,
            conferencing=to.teams,
            users=to.users,
            waiting=to.waiting,
            replaced=to.replaced,
            rules=self.standing_rules,
        )

    @cached_property
    def people(self) -> People:
        """Finds people by any name that they have or had."""
        from shared.services.admin.people import People

        return People(self.adapters.graph, self.adapters.personal)

    @cached_property
    def user_history(self) -> UserHistory:
        """Reads the history of a user."""
        from shared.services.admin.user_history import UserHistory

        to = self.adapters
        return UserHistory(self.people, to.history, to.users, to.replaced)

    @cached_property
    def acknowledger(self) -> Acknowledger:
        """Acknowledges users who need attention."""
        from shared.services.admin.attention import Acknowledger

        return Acknowledger(self.adapters.waiting, self.adapters.history, self.adapters.clock)

    @cached_property
    def saved_ids(self) -> SavedIds:
        """Reads saved conference IDs, and records who did."""
        from shared.services.admin.saved_ids import SavedIds

        to = self.adapters
        return SavedIds(to.replaced, to.history, to.state, to.clock, to.log("api"))

    @cached_property
    def forgetter(self) -> Forgetter:
        """Deletes one person from every table."""
        from shared.services.admin.forget import Forgetter

        to = self.adapters
        return Forgetter(
            people=self.people,
            data=to.personal,
            state=to.state,
            rules=to.rules,
            unreadable=to.tables.unreadable.counts,
            clock=to.clock,
            log=to.log("forget"),
        )

    @cached_property
    def number_changes(self) -> NumberChanges:
        """Compares numbers before and after a move."""
        from shared.services.admin.number_changes import NumberChanges

        return NumberChanges(self.adapters.teams, self.adapters.replaced)

    @cached_property
    def result_details(self) -> ResultDetails:
        """Looks up who the users of a run are, and their numbers before and after."""
        from shared.services.admin.result_details import ResultDetails

        return ResultDetails(self.number_changes, self.adapters.roster)

    @cached_property
    def run_outcomes(self) -> RunOutcomes:
        """Tells runs what became of their users, and counts their results."""
        from shared.services.upkeep.run_outcomes import RunOutcomes

        to = self.adapters
        return RunOutcomes(to.runs, to.users, to.waiting, to.state, to.clock)

    @cached_property
    def run_history(self) -> RunHistory:
        """Reads runs."""
        from shared.services.admin.run_history import RunHistory

        return RunHistory(self.adapters.runs, self.adapters.clock)

    @cached_property
    def effects(self) -> EffectsReader:
        """Reads the side effects of dry runs."""
        from shared.services.admin.effects import EffectsReader

        to = self.adapters
        return EffectsReader(to.runs, to.move_requests, to.teams)

    @cached_property
    def doctor(self) -> Doctor:
        """The doctor: checks the app and the services that it depends on."""
        from shared.clients import wire
        from shared.services.admin.doctor import Doctor

        to = self.adapters
        cloud = wire.CLOUDS[self.settings.cloud]
        assign = "assign the app's managed identity to it"
        role = "run `acp grant`: an Entra role such as Teams Administrator is missing"
        users = "run `acp grant`: the permission User.Read.All is missing"
        configurations = "run `acp grant`: TeamsUserConfiguration.Read.All is missing"
        documented = self.settings.teams_api is TeamsApi.DOCUMENTED
        teams: dict[str, tuple[Callable[[], Awaitable[object]], str]] = {
            "sign-in to Teams": (partial(self._sign_in, wire.TEAMS_AUDIENCE), assign),
            "Teams": (to.teams.probe, role),
            "Teams role": (to.teams.switches, role),
        }
        if documented:
            teams = {"Teams users in Graph": (to.teams.probe, configurations)}
        return Doctor(
            probes={
                "storage": (to.state.probe, "give the app's identity the storage roles"),
                "sign-in to Graph": (partial(self._sign_in, cloud.graph_audience), assign),
                "Graph": (to.graph.probe, users),
                **teams,
                "what Teams tells and takes": (
                    self._capabilities,
                    "check the log for errors of keep_subscription",
                ),
            },
            queues={name: to.queue(name).count for name in self.settings.queues.names},
            numbers=to.rules.numbers,
            groups=to.rules.groups,
            excluded_faults=self.rule_checker.excluded_faults,
            directory=to.graph,
            subscriptions=to.graph.subscriptions,
            count_users=to.graph.count_users,
            unknown=unknown_settings(os.environ),
            tenant=None if documented else to.teams,
            runs=self.run_history,
            state=to.state,
            waiting=to.waiting,
            held=to.held,
            included_groups=to.rules.included_groups,
            unreadable=to.tables.unreadable.counts,
            clock=to.clock,
        )

    async def _capabilities(self) -> str:
        from shared.domain.capabilities import described
        from shared.errors import SettingsError

        known = await self.capabilities.known()
        if known and known.set_verb not in ("", "accepted"):
            raise SettingsError(f"the service refuses the verb of a set: {known.set_verb}")
        return ", ".join(f"{name}: {value}" for name, value in described(known).items())

    @cached_property
    def releases(self) -> Releases:
        """Releases and discards held users."""
        from shared.services.admin.releases import Releases

        to = self.adapters
        return Releases(
            held=to.held,
            waiting=to.waiting,
            runs=to.runs,
            history=to.history,
            pages=to.sweep_pages,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("releases"),
            approvers=self.settings.approvers,
        )

    @cached_property
    def canceller(self) -> Canceller:
        """Cancels runs."""
        from shared.services.admin.cancelling import Canceller

        to = self.adapters
        return Canceller(
            requests=self.move_requests,
            held=to.held,
            waiting=to.waiting,
            runs=to.runs,
            pages=to.sweep_pages,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("releases"),
        )

    @cached_property
    def picture(self) -> RosterPicture:
        """Reads how many users are on each list, for a page of one."""
        from shared.services.admin.picture import RosterPicture

        return RosterPicture(self.adapters.roster, self.adapters.runs, self.adapters.clock)

    @cached_property
    def pauses(self) -> Pauses:
        """Pauses all changes."""
        from shared.services.admin.pauses import Pauses

        return Pauses(self.adapters.state, self.adapters.clock, self.adapters.log("pauses"))

    @cached_property
    def status(self) -> StatusReader:
        """Reads the status."""
        from shared.domain.schedule import Schedule
        from shared.services.admin.status import StatusReader

        to = self.adapters
        return StatusReader(
            state=to.state,
            held=to.held,
            waiting=to.waiting,
            capabilities=self.capabilities,
            roster=to.roster,
            history=self.run_history,
            sweeps=Schedule.parse(self.settings.sweep_schedule),
            mode=self.settings.mode,
            pilot=bool(self.settings.included_groups),
            clock=to.clock,
        )

    async def _sign_in(self, audience: str) -> str:
        from shared.services.admin.token_claims import describe_token

        return describe_token(await self.adapters.identity.token(audience))
