"""The one place that builds what an administrator asks for, on the app's own clients and tables.

Beside `shared/bootstrap.py`, so that a cold start of the function app knows nothing of it.
"""

from functools import cached_property

from shared.bootstrap import App
from shared.services.finding import Finder
from shared.services.previewing import Previewer
from shared.services.queued_requests import QueuedRequests
from shared.services.reporting import Reporter
from shared.services.requesting import Requester
from shared.services.showing import Shower
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
    def reports(self) -> Reporter:
        """Reads runs."""
        return Reporter(self.app.runs, self.app.clock)

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
        await self.app.close()
