"""Build clients and storage from the settings, each at its first use."""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING

from shared.clock import Clock, SystemClock
from shared.settings.settings import TeamsApi
from shared.telemetry.log import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from shared.clients.graph import GraphClient
    from shared.clients.http import Retries, ServiceClient
    from shared.clients.identity import CachedTokens, StorageCredential
    from shared.clients.teams import TeamsClient
    from shared.clients.teams_documented import DocumentedTeams
    from shared.domain.decision import Rules
    from shared.settings.queues import Queue
    from shared.settings.settings import Settings
    from shared.storage.guard import GuardTable
    from shared.storage.held import HeldTable
    from shared.storage.history import HistoryTable
    from shared.storage.leftovers import LeftoverTables
    from shared.storage.move_requests import MoveRequestTable
    from shared.storage.personal import PersonalTables
    from shared.storage.poison import PoisonQueue
    from shared.storage.queue import MessageQueue
    from shared.storage.replaced import ReplacedProviderTable
    from shared.storage.roster import RosterTable
    from shared.storage.runs import RunTable
    from shared.storage.state import StateTable
    from shared.storage.sweep_pages import SweepPageTable
    from shared.storage.tables import Tables
    from shared.storage.users import UserTable
    from shared.storage.waiting import WaitingTable


class Adapters:
    """Clients and storage of the app: the implementations of `shared.services.ports`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock: Clock = SystemClock()
        self._queues: dict[str, MessageQueue] = {}

    def log(self, name: str) -> EventLog:
        """Return the log of one service."""
        return EventLog(
            f"acp.{name}", show_users=self.settings.log_users, salt=self.settings.tenant_id
        )

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The process's connection pool to the services."""
        import httpx

        limits = httpx.Limits(max_connections=2 * self.settings.max_calls_in_flight)
        return httpx.AsyncClient(timeout=self.settings.request_timeout, limits=limits)

    @cached_property
    def identity(self) -> CachedTokens:
        """The managed identity, unless another one was set before its first use."""
        from shared.clients.identity import Identity

        return Identity(self.settings.identity_client_id, self.settings.request_timeout)

    @cached_property
    def graph(self) -> GraphClient:
        """The Graph client."""
        from shared.clients.graph import GraphClient

        rules, tries = self.rules, self._retries.tries
        return GraphClient(
            self._graph_service, self.clock, tries, rules.groups, rules.protecting_groups
        )

    @cached_property
    def teams(self) -> TeamsClient | DocumentedTeams:
        """The client for Teams: of its admin API, or of the documented Graph calls."""
        if self.settings.teams_api is TeamsApi.DOCUMENTED:
            return self.documented_teams
        from shared.clients import wire
        from shared.clients.teams import TeamsClient

        origin = str(self.settings.teams_url or wire.CLOUDS[self.settings.cloud].teams)
        service = self._service("Teams", origin, wire.TEAMS_AUDIENCE)
        return TeamsClient(service, self.settings.page_size, self.clock)

    @cached_property
    def documented_teams(self) -> DocumentedTeams:
        """The client of the documented Graph calls about Teams users."""
        from shared.clients.teams_documented import DocumentedTeams

        tries, size = self._retries.tries, self.settings.page_size
        return DocumentedTeams(self._graph_service, self.clock, tries, size)

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

    def queue(self, name: str) -> MessageQueue:
        """Return one of the app's queues or poison queues; one client per queue."""
        from shared.storage.queue import MessageQueue

        if name not in self._queues:
            self._queues[name] = MessageQueue(
                name,
                connection=self.settings.storage_connection,
                endpoint=str(self.settings.storage_queue_uri or ""),
                credential=self._storage_credential,
            )
        return self._queues[name]

    def poison[Content](
        self, queue: Queue, decode: Callable[[str], Content]
    ) -> PoisonQueue[Content]:
        """Return the poison queue of a queue. decode: reads its messages."""
        from shared.storage.poison import PoisonQueue

        return PoisonQueue(self.queue(queue.poison), decode)

    @cached_property
    def state(self) -> StateTable:
        """The app's own state: subscription, delta link, leases."""
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
        """The users who are waiting or need attention."""
        from shared.storage.waiting import WaitingTable

        return WaitingTable(self.tables.table("waiting"), self.clock)

    @cached_property
    def runs(self) -> RunTable:
        """The runs and their results."""
        from shared.storage.runs import RunTable

        return RunTable(self.tables.table("runs"), self.tables.table("runresults"))

    @cached_property
    def guard(self) -> GuardTable:
        """Who was changed within the guard's window."""
        from shared.storage.guard import GuardTable

        return GuardTable(self.tables.table("guard"))

    @cached_property
    def held(self) -> HeldTable:
        """The users whom the guard holds."""
        from shared.storage.held import HeldTable

        return HeldTable(self.tables.table("held"))

    @cached_property
    def history(self) -> HistoryTable:
        """What happened to each user."""
        from shared.storage.history import HistoryTable

        return HistoryTable(self.tables.table("history"))

    @cached_property
    def sweep_pages(self) -> SweepPageTable:
        """The stored pages of sweeps."""
        from shared.storage.sweep_pages import SweepPageTable

        return SweepPageTable(self.tables.table("plans"))

    @cached_property
    def move_requests(self) -> MoveRequestTable:
        """The stored move requests."""
        from shared.storage.move_requests import MoveRequestTable

        return MoveRequestTable(self.tables.table("requests"))

    @cached_property
    def roster(self) -> RosterTable:
        """What was last seen of each user."""
        from shared.storage.roster import RosterTable

        return RosterTable(self.tables.table("roster"))

    @cached_property
    def leftovers(self) -> LeftoverTables:
        """The tables, as the janitor sees them."""
        from shared.storage.leftovers import LeftoverTables

        return LeftoverTables(self.tables)

    @cached_property
    def personal(self) -> PersonalTables:
        """The tables, by person."""
        from shared.storage.personal import PersonalTables

        return PersonalTables(self.tables)

    @cached_property
    def rules(self) -> Rules:
        """The rules that the administrator configured."""
        from shared.domain.decision import Rules

        settings = self.settings
        return Rules(
            excluded=settings.excluded_users,
            excluded_groups=settings.excluded_groups,
            included_groups=settings.included_groups,
            include_rooms=settings.include_rooms,
            numbers=settings.number_rules,
        )

    async def close(self) -> None:
        """Close the connections that were opened."""
        built = vars(self)
        if "http" in built:
            await self.http.aclose()
        for queue in self._queues.values():
            await queue.close()
        if "tables" in built:
            await self.tables.close()

    @cached_property
    def _graph_service(self) -> ServiceClient:
        """Graph, shared by both of its clients: it throttles the app as a whole."""
        from shared.clients import wire

        cloud = wire.CLOUDS[self.settings.cloud]
        origin = str(self.settings.graph_url or cloud.graph)
        return self._service("Graph", origin, cloud.graph_audience)

    @cached_property
    def _retries(self) -> Retries:
        from shared.clients.http import Retries

        return Retries()

    @cached_property
    def _storage_credential(self) -> StorageCredential | None:
        if self.settings.storage_connection:
            return None
        from shared.clients.identity import StorageCredential

        return StorageCredential(self.identity)

    def _service(self, name: str, origin: str, audience: str) -> ServiceClient:
        from shared.clients.http import ServiceClient
        from shared.clients.limiter import Limiter

        return ServiceClient(
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
            log=self.log("clients"),
        )
