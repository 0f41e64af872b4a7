"""Clients over a transport that answers from a function: real httpx, no network."""

import random
from collections.abc import Callable

import httpx

from shared.clients.graph import GraphClient
from shared.clients.http import Retries, ServiceClient
from shared.clients.limiter import Limiter
from shared.clients.teams import TeamsClient
from tests.fakes import FakeClock

ORIGIN = "https://service.example"
DISCOVERY = {
    "Endpoints": {"ConfigApiEndpoint": "config.example", "AdminServiceEndpoint": "admin.example"},
    "Headers": {"X-MS-Forest": "0A"},
}

Answer = Callable[[httpx.Request], httpx.Response]


class StaticTokens:
    """One token for all."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    async def token(self, resource: str) -> str:
        """Name the resource in the token, so that tests see which was requested."""
        return f"token-for-{resource}"

    def forget(self, resource: str) -> None:
        """Count how often a token was refused."""
        self.forgotten.append(resource)


class Recorder:
    """Answers requests with a function and keeps them."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []
        self.clock = FakeClock()
        self.tokens = StaticTokens()
        self.limiter = Limiter(self.clock, 8)

    def service(self, name: str = "Graph", tries: int = 3, timeout: float = 5) -> ServiceClient:
        """Return a service that talks to this recorder."""

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return self.answer(request)

        return ServiceClient(
            name,
            ORIGIN,
            "the-audience",
            http=httpx.AsyncClient(transport=httpx.MockTransport(handle)),
            tokens=self.tokens,
            limiter=self.limiter,
            clock=self.clock,
            retries=Retries(tries=tries),
            timeout=timeout,
            rng=random.Random(1),
        )

    def graph(self, *groups: str) -> GraphClient:
        """Return a Graph client that talks to this recorder and asks about these groups.

        The first of them is an excluded one.
        """
        return GraphClient(self.service(), self.clock, 3, groups, groups[:1])

    def teams(self, page_size: int = 2) -> TeamsClient:
        """Return a Teams client that talks to this recorder."""
        return TeamsClient(self.service("Teams"), page_size, self.clock)
