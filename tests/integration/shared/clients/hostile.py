"""A hostile service on a port of this machine, and the app's own clients that call it."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from shared.clients.graph import GraphClient
from shared.clients.http import Retries, ServiceClient
from shared.clients.limiter import Limiter
from shared.clients.teams import TeamsClient
from shared.clock import Clock
from tests.fakes import FakeClock

TOKEN = "secret-token"


@dataclass(frozen=True)
class Raw:
    """An answer, byte by byte where a test wants it so."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    whole: bytes | None = None
    """The answer as it goes over the wire, head and all; None: a proper one."""

    def encode(self) -> bytes:
        """Return the bytes to send."""
        if self.whole is not None:
            return self.whole
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True)
class Asked:
    """A request: verb, address below the origin, body."""

    method: str
    target: str
    body: bytes


Answer = Callable[[Asked], Raw]


def always(answer: Raw) -> Answer:
    """Answer everything alike."""
    return lambda _: answer


class NoTokens:
    """One token, always."""

    async def token(self, resource: str) -> str:
        """Return it."""
        return f"{TOKEN}-{len(resource)}"

    def forget(self, resource: str) -> None:
        """Keep it."""


@dataclass
class Hostile:
    """The service: `answer` decides what it says, `asked` is what it heard."""

    origin: str = ""
    answer: Answer = lambda _: Raw(b"{}")
    asked: list[Asked] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def service(self, http: httpx.AsyncClient, name: str) -> ServiceClient:
        """Return a client of this service that waits for nothing in real time."""
        return ServiceClient(
            name,
            self.origin,
            "audience",
            http=http,
            tokens=NoTokens(),
            limiter=Limiter(self.clock, 8),
            clock=self.clock,
            retries=Retries(tries=2),
            rng=random.Random(1),
            timeout=20,
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection, until an answer is none."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"(?i)\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                method, target, _ = head.split(" ", 2)
                asked = Asked(method, target, body)
                self.asked.append(asked)
                answer = self.answer(asked)
                writer.write(answer.encode())
                await writer.drain()
                if answer.whole is not None:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client had enough
        finally:
            writer.close()


@dataclass
class Clients:
    """The app's clients of one hostile service."""

    hostile: Hostile
    graph: GraphClient
    teams: TeamsClient


@asynccontextmanager
async def served() -> AsyncIterator[Hostile]:
    """A hostile service that is running."""
    hostile = Hostile()
    server = await asyncio.start_server(hostile.serve, "127.0.0.1", 0)
    hostile.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield hostile
        server.close_clients()


@asynccontextmanager
async def opened(groups: tuple[str, ...] = ()) -> AsyncIterator[Clients]:
    """A hostile service that is running, and fresh clients of it."""
    async with (
        served() as hostile,
        # Plain HTTP, and no wait for certificates.
        httpx.AsyncClient(timeout=20, verify=False) as http,  # noqa: S501
    ):
        clock: Clock = hostile.clock
        graph = GraphClient(hostile.service(http, "Graph"), clock, 2, groups, groups)
        teams = TeamsClient(hostile.service(http, "Teams"), 10, clock)
        yield Clients(hostile, graph, teams)
