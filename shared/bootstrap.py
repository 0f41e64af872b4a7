"""The one place that builds clients and services from the settings.

Everything is imported and built at its first use, not at start, so that a cold start loads only what
its first call needs: the webhook neither msal nor httpx. From then on one process has one of each,
and one connection pool.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING

from shared.backends import Backends
from shared.log import quiet_libraries
from shared.settings import Mode, Settings, unknown_settings

if TYPE_CHECKING:
    from shared.desk import Desk
    from shared.domain.guard import Guard
    from shared.domain.waiting import Patience
    from shared.services.catching_up import CatchUp
    from shared.services.failed_pages import FailedPages
    from shared.services.health import Health
    from shared.services.intake import Intake
    from shared.services.measuring import Measurer
    from shared.services.moving import Mover
    from shared.services.poison import PoisonRecorder
    from shared.services.rechecking import Rechecker
    from shared.services.recording import Recorder
    from shared.services.rule_checking import RuleChecker
    from shared.services.settling import Settler
    from shared.services.subscribing import Subscriber
    from shared.services.sweeping import Sweeper


@cache
def settings() -> Settings:
    """Return the settings of this process; SettingsError stops the app at start."""
    for warning in unknown_settings(os.environ):
        logging.getLogger("acp.settings").warning(warning)
    return Settings.from_environment(os.environ)


@cache
def app() -> App:
    """Return the app of this process."""
    quiet_libraries()
    return App(settings())


@cache
def desk() -> Desk:
    """Return what people ask the app for; imported at its first use, for events need none of it."""
    from shared.desk import Desk

    return Desk(app())


class App(Backends):
    """The services on their clients and storage, each built when first asked for."""

    @cached_property
    def intake(self) -> Intake:
        """Takes in notifications."""
        from shared.services.intake import Intake

        return Intake(self.state, self.settings.tenant_id, self.clock, self.log("intake"))

    @cached_property
    def mover(self) -> Mover:
        """Moves users."""
        from shared.services.moving import Mover

        return Mover(
            directory=self.graph,
            settler=self._settler,
            runs=self.runs,
            recorder=self._recorder,
            rules=self.rules,
            clock=self.clock,
            log=self.log("moving"),
        )

    @cached_property
    def sweeper(self) -> Sweeper:
        """Sweeps all users."""
        from shared.services.sweep_reading import SweepReader
        from shared.services.sweeping import Sweeper
        from shared.storage.plans import PlanTable

        plans = PlanTable(self.tables.table("plans"))
        reader = SweepReader(
            directory=self.graph,
            conferencing=self.teams,
            replaced=self.replaced,
            waiting=self.waiting,
            runs=self.runs,
            plans=plans,
            rules=self.rules,
            clock=self.clock,
            log=self.log("sweeping"),
        )
        return Sweeper(
            reader=reader,
            runs=self.runs,
            plans=plans,
            state=self.state,
            queue=self.queue,
            guard=self._guard,
            patience=self._patience,
            lease=timedelta(seconds=self.settings.sweep_lease_seconds),
            clock=self.clock,
            log=self.log("sweeping"),
        )

    @cached_property
    def catch_up(self) -> CatchUp:
        """Asks for changed licenses."""
        from shared.services.catching_up import CatchUp

        return CatchUp(
            directory=self.graph,
            state=self.state,
            queue=self.queue,
            waiting=self.waiting,
            sweep=self.sweeper.resume,
            clock=self.clock,
            log=self.log("catching_up"),
        )

    @cached_property
    def rechecker(self) -> Rechecker:
        """Looks again at waiting users."""
        from shared.services.rechecking import Rechecker

        return Rechecker(self.waiting, self.queue, self.clock, self.log("rechecking"))

    @cached_property
    def poison(self) -> PoisonRecorder:
        """Records the users of poison messages."""
        from shared.services.poison import PoisonRecorder
        from shared.storage.poison import PoisonQueue

        queue = PoisonQueue(self.queue_named("-poison"))
        return PoisonRecorder(queue, self.waiting, self.clock, self.log("poison"))

    @cached_property
    def measurer(self) -> Measurer:
        """Measures what is left to do."""
        from shared.services.measuring import Measurer

        poison = [self.queue_named(name) for name in ("-poison", "-requests-poison")]
        counts = [queue.count for queue in poison]
        return Measurer(self.waiting, self.state, counts, self.clock, self.log("measuring"))

    @cached_property
    def failed_pages(self) -> FailedPages:
        """Marks the runs of poison messages."""
        from shared.services.failed_pages import FailedPages
        from shared.storage.poison import PoisonQueue

        queue = PoisonQueue(self.queue_named("-requests-poison"))
        return FailedPages(queue, self.runs, self.log("poison"))

    @cached_property
    def subscriber(self) -> Subscriber:
        """Looks after the change subscription."""
        from shared.services.subscribing import Subscriber

        url = self.settings.notification_url
        return Subscriber(self.graph, self.state, url, self.clock, self.log("subscribing"))

    @cached_property
    def rule_checker(self) -> RuleChecker:
        """Holds the rules of the settings against the tenant."""
        from shared.services.rule_checking import RuleChecker

        return RuleChecker(self.teams, self.graph, self.rules, self.log("rules"))

    @cached_property
    def health(self) -> Health:
        """Checks storage, Graph and Teams."""
        from shared.services.health import Health

        checks = {"storage": self.state.probe, "graph": self.graph.probe, "teams": self.teams.probe}
        return Health(checks, self.clock, self.log("health"))

    @cached_property
    def _patience(self) -> Patience:
        from shared.domain.waiting import Patience

        return Patience(
            self.settings.recheck_delays,
            self.settings.grace,
            self.settings.max_failures,
            self.settings.reprocess_licenses,
        )

    @cached_property
    def _settler(self) -> Settler:
        from shared.services.settling import Settler

        return Settler(
            conferencing=self.teams,
            replaced=self.replaced,
            users=self.users,
            clock=self.clock,
            log=self.log("moving"),
            report=self.settings.mode is Mode.REPORT,
        )

    @cached_property
    def _recorder(self) -> Recorder:
        from shared.services.recording import Recorder

        return Recorder(
            directory=self.graph,
            users=self.users,
            waiting=self.waiting,
            patience=self._patience,
            clock=self.clock,
            log=self.log("moving"),
            report=self.settings.mode is Mode.REPORT,
        )

    @cached_property
    def _guard(self) -> Guard | None:
        from shared.domain.guard import Guard

        # A report moves nobody, so there is nothing to hold.
        if self.settings.mode is Mode.REPORT:
            return None
        return Guard(self.settings.sweep_max_moves, self.settings.sweep_max_share)
