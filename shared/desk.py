"""The one place that builds what an administrator asks for, on the app's own clients and tables.

Beside `shared/bootstrap.py`, so that a cold start of the function app knows nothing of it.
"""

import os
from functools import cached_property, partial

from shared.bootstrap import App
from shared.clients import wire
from shared.services.claims import describe_token
from shared.services.doctor import Doctor
from shared.services.finding import Finder
from shared.services.numbers import NumberChanges
from shared.services.previewing import Previewer
from shared.services.queued_requests import QueuedRequests
from shared.services.reporting import Reporter
from shared.services.requesting import Requester
from shared.services.showing import Shower
from shared.settings import unknown_settings
from shared.storage.queue import MoveQueue
from shared.storage.requests import RequestTable


class Desk:
    """Services for the command line and the HTTP API; each is built when first asked for."""

    def __init__(self, app: App) -> None:
        self.app = app

    @cached_property
    def finder(self) -> Finder:
        """Finds users by provider."""
        return Finder(self.app.graph, self.app.teams, self.app.rules)

    @cached_property
    def previewer(self) -> Previewer:
        """Tells what would happen."""
        return Previewer(self.app.graph, self.app.teams, self.app.rules)

    @cached_property
    def shower(self) -> Shower:
        """Shows one user."""
        return Shower(
            directory=self.app.graph,
            conferencing=self.app.teams,
            users=self.app.users,
            waiting=self.app.waiting,
            replaced=self.app.replaced,
            rules=self.app.rules,
        )

    @cached_property
    def numbers(self) -> NumberChanges:
        """Numbers before and after a move."""
        return NumberChanges(self.app.teams, self.app.replaced)

    @cached_property
    def reports(self) -> Reporter:
        """Reads runs."""
        return Reporter(self.app.runs, self.app.clock)

    @cached_property
    def doctor(self) -> Doctor:
        """Examines the app and what it stands on."""
        app = self.app
        cloud = wire.CLOUDS[app.settings.cloud]
        assign = "assign the app's managed identity to it"
        role = "run `acp grant`: an Entra role such as Teams Administrator is missing"
        users = "run `acp grant`: the permission User.Read.All is missing"
        return Doctor(
            probes={
                "storage": (app.state.probe, "give the app's identity the storage roles"),
                "sign-in to Graph": (partial(self._sign_in, cloud.graph_audience), assign),
                "Graph": (app.graph.probe, users),
                "sign-in to Teams": (partial(self._sign_in, wire.TEAMS_AUDIENCE), assign),
                "Teams": (app.teams.probe, role),
                "Teams role": (app.teams.conferencing_settings, role),
            },
            queues={queue.name: queue.count for queue in self._queues},
            numbers=app.rules.numbers,
            groups=app.rules.groups,
            directory=app.graph,
            unknown=unknown_settings(os.environ),
            tenant=app.teams,
            state=app.state,
            waiting=app.waiting,
            runs=self.reports,
            clock=app.clock,
        )

    async def _sign_in(self, audience: str) -> str:
        return describe_token(await self.app.identity.token(audience))

    @cached_property
    def _queues(self) -> list[MoveQueue]:
        names = ("", "-poison", "-requests", "-requests-poison")
        return [self.app.queue_named(name) for name in names]

    @cached_property
    def requests(self) -> RequestTable:
        """What people asked for."""
        return RequestTable(self.app.tables.table("requests"))

    @cached_property
    def queued(self) -> QueuedRequests:
        """Takes in what people ask the deployed app for."""
        return QueuedRequests(
            requester=self.requester,
            previewer=self.previewer,
            finder=self.finder,
            requests=self.requests,
            runs=self.app.runs,
            queue=self.app.requests_queue,
            clock=self.app.clock,
            log=self.app.log("requests"),
        )

    @cached_property
    def requester(self) -> Requester:
        """Carries out what a person asked for."""
        return Requester(
            directory=self.app.graph,
            mover=self.app.mover,
            requests=self.requests,
            runs=self.app.runs,
            clock=self.app.clock,
        )

    async def close(self) -> None:
        """Close the connections that were opened."""
        for queue in vars(self).get("_queues", []):
            await queue.close()
        await self.app.close()
