"""The one place that builds clients and services from the settings.

Everything is imported and built at its first use, not at start, so that a cold start loads only what
its first call needs: the webhook neither msal nor httpx. From then on one process has one of each,
and one connection pool.
"""

from __future__ import annotations

import logging
import os
import random
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING

from shared.clock import SystemClock
from shared.log import EventLog, quiet_libraries
from shared.settings import Mode, Settings, unknown_settings

if TYPE_CHECKING:
    import httpx

    from shared.clients.graph import GraphClient
    from shared.clients.identity import CachedTokens, StorageCredential
    from shared.clients.teams import TeamsClient
    from shared.clients.transport import Retries, Service
    from shared.desk import Desk
    from shared.domain.decision import Rules
    from shared.domain.guard import Guard
    from shared.domain.waiting import Patience
    from shared.services.catching_up import CatchUp
    from shared.services.health import Health
    from shared.services.intake import Intake
    from shared.services.measuring import Measurer
    from shared.services.moving import Mover
    from shared.services.poison import PoisonRecorder
    from shared.services.rechecking import Rechecker
    from shared.services.recording import Recorder
    from shared.services.subscribing import Subscriber
    from shared.services.sweeping import Sweeper
    from shared.storage.queue import MoveQueue
    from shared.storage.replaced import ReplacedProviderTable
    from shared.storage.runs import RunTable
    from shared.storage.state import StateTable
    from shared.storage.tables import Tables
    from shared.storage.users import UserTable
    from shared.storage.waiting import WaitingTable


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


class App:
    """Clients, storage and services, each built when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()

    def log(self, name: str) -> EventLog:
        """Return the log of one service."""
        return EventLog(
            f"acp.{name}", show_users=self.settings.log_users, salt=self.settings.tenant_id
        )

    @cached_property
    def _retries(self) -> Retries:
        from shared.clients.transport import Retries

        return Retries()

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The process's one pool of connections to the services."""
        import httpx

        limits = httpx.Limits(max_connections=2 * self.settings.max_calls_in_flight)
        return httpx.AsyncClient(timeout=self.settings.request_timeout, limits=limits)

    @cached_property
    def identity(self) -> CachedTokens:
        """The managed identity, unless somebody put another one here before its first use."""
        from shared.clients.identity import Identity

        return Identity(self.settings.identity_client_id, self.settings.request_timeout)

    @cached_property
    def graph(self) -> GraphClient:
        """The Graph client."""
        from shared.clients import wire
        from shared.clients.graph import GraphClient

        cloud = wire.CLOUDS[self.settings.cloud]
        origin = str(self.settings.graph_url or cloud.graph)
        service = self._service("Graph", origin, cloud.graph_audience)
        return GraphClient(service, self.clock, self._retries.tries, self.rules.groups)

    @cached_property
    def teams(self) -> TeamsClient:
        """The Teams admin client."""
        from shared.clients import wire
        from shared.clients.teams import TeamsClient

        origin = str(self.settings.teams_url or wire.CLOUDS[self.settings.cloud].teams)
        service = self._service("Teams", origin, wire.TEAMS_AUDIENCE)
        return TeamsClient(service, self.settings.page_size)

    @cached_property
    def tables(self) -> Tables:
        """The storage account's tables."""
        from shared.storage.tables import Tables

        return Tables.open(
            self.settings.table_prefix,
            connection=self.settings.storage_connection,
            endpoint=str(self.settings.storage_table_uri or ""),
            credential=self._storage_credential,
            timeout=self.settings.request_timeout,
        )

    @cached_property
    def queue(self) -> MoveQueue:
        """The queue of users to look at, for the timers."""
        return self._queue(self.settings.queue)

    @cached_property
    def requests_queue(self) -> MoveQueue:
        """The queue of pages of runs that people asked for."""
        return self.queue_named("-requests")

    @cached_property
    def state(self) -> StateTable:
        """The single things that are remembered."""
        from shared.storage.state import StateTable

        return StateTable(self.tables.table("state"))

    @cached_property
    def replaced(self) -> ReplacedProviderTable:
        """The saved provider entries."""
        from shared.storage.replaced import ReplacedProviderTable

        return ReplacedProviderTable(self.tables.table("replacedproviders"))

    @cached_property
    def users(self) -> UserTable:
        """The last known states."""
        from shared.storage.users import UserTable

        return UserTable(self.tables.table("users"))

    @cached_property
    def waiting(self) -> WaitingTable:
        """The users to be looked at again."""
        from shared.storage.waiting import WaitingTable

        return WaitingTable(self.tables.table("waiting"))

    @cached_property
    def runs(self) -> RunTable:
        """The runs and their results."""
        from shared.storage.runs import RunTable

        return RunTable(self.tables.table("runs"), self.tables.table("runresults"))

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
            conferencing=self.teams,
            replaced=self.replaced,
            users=self.users,
            runs=self.runs,
            recorder=self._recorder,
            rules=self.rules,
            clock=self.clock,
            log=self.log("moving"),
            report=self.settings.mode is Mode.REPORT,
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
    def subscriber(self) -> Subscriber:
        """Looks after the change subscription."""
        from shared.services.subscribing import Subscriber

        url = self.settings.notification_url
        return Subscriber(self.graph, self.state, url, self.clock, self.log("subscribing"))

    @cached_property
    def health(self) -> Health:
        """Checks storage, Graph and Teams."""
        from shared.services.health import Health

        checks = {"storage": self.state.probe, "graph": self.graph.probe, "teams": self.teams.probe}
        return Health(checks, self.clock, self.log("health"))

    async def close(self) -> None:
        """Close the connections that were opened. A function app never does: its process just ends."""
        built = vars(self)
        if "http" in built:
            await self.http.aclose()
        for queue in built.keys() & {"queue", "requests_queue"}:
            await built[queue].close()
        if "tables" in built:
            await self.tables.close()

    @cached_property
    def rules(self) -> Rules:
        """What the administrator decided."""
        from shared.domain.decision import Rules

        settings = self.settings
        return Rules(
            excluded=settings.excluded_users,
            excluded_groups=settings.excluded_groups,
            include_rooms=settings.include_rooms,
            numbers=settings.number_rules,
        )

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

    @cached_property
    def _storage_credential(self) -> StorageCredential | None:
        from shared.clients.identity import StorageCredential

        return None if self.settings.storage_connection else StorageCredential(self.identity)

    def queue_named(self, suffix: str) -> MoveQueue:
        """Return another queue of the app: the name of the first, and `suffix`."""
        return self._queue(f"{self.settings.queue}{suffix}")

    def _queue(self, name: str) -> MoveQueue:
        from shared.storage.queue import MoveQueue

        return MoveQueue(
            name,
            connection=self.settings.storage_connection,
            endpoint=str(self.settings.storage_queue_uri or ""),
            credential=self._storage_credential,
        )

    def _service(self, name: str, origin: str, audience: str) -> Service:
        from shared.clients.limiter import Limiter
        from shared.clients.transport import Service

        return Service(
            name,
            origin,
            audience,
            http=self.http,
            tokens=self.identity,
            limiter=Limiter(self.clock, self.settings.max_calls_in_flight),
            clock=self.clock,
            retries=self._retries,
            timeout=self.settings.request_timeout,
            rng=random.Random(),  # noqa: S311 - jitter of retries, nothing secret
        )
