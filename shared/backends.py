"""Clients and storage, built from the settings: the half of `shared/bootstrap.py` that faces outward.

Everything is imported and built at its first use, see there.
"""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING

from shared.clock import SystemClock
from shared.log import EventLog

if TYPE_CHECKING:
    import httpx

    from shared.clients.graph import GraphClient
    from shared.clients.identity import CachedTokens, StorageCredential
    from shared.clients.teams import TeamsClient
    from shared.clients.transport import Retries, Service
    from shared.domain.decision import Rules
    from shared.settings import Settings
    from shared.storage.queue import MoveQueue
    from shared.storage.replaced import ReplacedProviderTable
    from shared.storage.runs import RunTable
    from shared.storage.state import StateTable
    from shared.storage.tables import Tables
    from shared.storage.users import UserTable
    from shared.storage.waiting import WaitingTable


class Backends:
    """What the services talk to, each built when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()

    def log(self, name: str) -> EventLog:
        """Return the log of one service."""
        return EventLog(
            f"acp.{name}", show_users=self.settings.log_users, salt=self.settings.tenant_id
        )

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
        rules = self.rules
        return GraphClient(
            service, self.clock, self._retries.tries, rules.groups, rules.excluded_groups
        )

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

    def queue_named(self, suffix: str) -> MoveQueue:
        """Return another queue of the app: the name of the first, and `suffix`."""
        return self._queue(f"{self.settings.queue}{suffix}")

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
    def _retries(self) -> Retries:
        from shared.clients.transport import Retries

        return Retries()

    @cached_property
    def _storage_credential(self) -> StorageCredential | None:
        from shared.clients.identity import StorageCredential

        return None if self.settings.storage_connection else StorageCredential(self.identity)

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
