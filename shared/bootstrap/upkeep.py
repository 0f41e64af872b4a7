"""Services that look after what is stored and what is waiting."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from shared.bootstrap.signals import SignalServices

if TYPE_CHECKING:
    from shared.services.upkeep.failed_events import FailedEvents
    from shared.services.upkeep.janitor import Janitor
    from shared.services.upkeep.metrics import MetricsCollector
    from shared.services.upkeep.poison import PoisonRecorder
    from shared.services.upkeep.protection import Protection
    from shared.services.upkeep.recheck import Rechecker
    from shared.services.upkeep.rule_check import RuleChecker
    from shared.services.upkeep.run_outcomes import RunOutcomes


class UpkeepServices(SignalServices):
    """Builds on those that find users."""

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
    def protection(self) -> Protection:
        """Compares what protects users here and in the deployed app."""
        from shared.services.upkeep.protection import Protection

        return Protection(self.adapters.state, self.settings.protection)

    @cached_property
    def run_outcomes(self) -> RunOutcomes:
        """Tells runs what became of their users, and counts their results."""
        from shared.services.upkeep.run_outcomes import RunOutcomes

        to = self.adapters
        return RunOutcomes(to.runs, to.users, to.waiting, to.state, to.clock, held=to.held)
