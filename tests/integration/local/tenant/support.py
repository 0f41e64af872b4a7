"""A tenant to call, and a webhook for it to call."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from local.tenant.app import create_app
from local.tenant.clock import Clock
from local.tenant.directory.catalog import MCOMEETADV
from local.tenant.identity.tokens import GRAPH, TEAMS
from local.tenant.options import TenantOptions

BASE = "https://tenant.test"
LICENSED = (
    f"assignedPlans/any(p:p/servicePlanId eq {MCOMEETADV.id} and p/capabilityStatus eq 'Enabled')"
)
TEAMS_HEADERS = {
    "X-MS-Target-Uri": "https://tenant.test/",
    "X-MS-Correlation-Id": "5c2b5f7e-0000-4000-8000-000000000000",
    "X-MS-CmdletName": "Get-CsOnlineUser",
    "X-MS-Forest": "0n",
}
Json = dict[str, Any]


class World:
    """One tenant with a client that has its tokens."""

    def __init__(self, client: httpx.AsyncClient, transport: httpx.ASGITransport) -> None:
        self._client = self.client = client
        self.transport = transport
        self._tokens: dict[str, str] = {}

    async def raw(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """A call without a token."""
        return await self._client.request(method, url, **kwargs)

    async def graph(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """A Graph call; `path` may be a whole address, as in a next link."""
        url = path if path.startswith("http") else f"/v1.0{path}"
        return await self._with_token(GRAPH, method, url, {}, kwargs)

    async def teams(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """A Teams call with all the headers it needs."""
        return await self._with_token(TEAMS, method, path, TEAMS_HEADERS, kwargs)

    async def control(self, method: str, path: str, body: object = None) -> Json:
        """A control call that succeeds."""
        answer = await self.raw(method, f"/_tenant{path}", json=body)
        assert answer.is_success, answer.text
        found: Json = answer.json()
        return found

    async def users(self, kind: str | None = None) -> list[Json]:
        """The users of the state, of one kind if given."""
        found: list[Json] = (await self.control("GET", "/state"))["users"]
        return [user for user in found if kind in {None, user["kind"]}]

    async def user(self, kind: str, nth: int = 0) -> Json:
        """The nth user of a kind."""
        return (await self.users(kind))[nth]

    async def advance(self, seconds: float) -> None:
        """Move the tenant's clock."""
        await self.control("POST", "/clock", {"advance_seconds": seconds})

    async def assign(self, user_id: str, sku_id: str) -> httpx.Response:
        """Assign a product."""
        body = {"addLicenses": [{"skuId": sku_id, "disabledPlans": []}], "removeLicenses": []}
        return await self.graph("POST", f"/users/{user_id}/assignLicense", json=body)

    async def notified(self, name: str, number: int = 1) -> Json:
        """The counters of notifications, once the one named has reached a number."""
        counted: Json = {}
        async with asyncio.timeout(15):
            while counted.get(name, 0) < number:
                await asyncio.sleep(0.002)
                counted = (await self.control("GET", "/counters"))["notifications"]
        return counted

    async def all_pages(self, url: str, **kwargs: Any) -> list[Json]:
        """The values of a Graph list and of all its next pages."""
        values: list[Json] = []
        following: str | None = url
        while following:
            page = (await self.graph("GET", following, **kwargs)).json()
            values += page["value"]
            following = page.get("@odata.nextLink")
            kwargs.pop("params", None)
        return values

    async def _with_token(
        self, resource: str, method: str, url: str, headers: dict[str, str], kwargs: Json
    ) -> httpx.Response:
        if resource not in self._tokens:
            self._tokens[resource] = await self.token(resource)
        own = {"Authorization": f"Bearer {self._tokens[resource]}", **headers}
        own.update(kwargs.pop("headers", {}))
        return await self._client.request(method, url, headers=own, **kwargs)

    async def token(self, resource: str) -> str:
        """A token from the identity endpoint."""
        answer = await self.raw(
            "GET",
            "/msi/token",
            params={"api-version": "2019-08-01", "resource": resource},
            headers={"X-IDENTITY-HEADER": "local"},
        )
        token: str = answer.json()["access_token"]
        return token


@asynccontextmanager
async def open_world(*, clock: Clock | None = None, **options: object) -> AsyncIterator[World]:
    """A tenant of 60 users with a lag of ten seconds, started; `options` as in TenantOptions.

    With a clock of its own, the tenant's time is what the test makes it.
    """
    chosen: dict[str, object] = {
        "users": 60,
        "lag_seconds": 10.0,
        "notification_delay_seconds": 0.01,
        "notification_retry_seconds": (0.01, 0.01),
    }
    app = create_app(TenantOptions.model_validate({**chosen, **options}), clock)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield World(client, transport)


class Receiver:
    """A webhook on a free port. `echo` and `statuses` decide how it answers."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.validations: list[str] = []
        self.statuses: list[int] = []
        self.echo: Callable[[str], tuple[str, str]] = lambda token: (token, "text/plain")
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = parse_qs(urlsplit(self.path).query)
                receiver.hold.wait(10)
                if "validationToken" in query:
                    token = query["validationToken"][0]
                    receiver.validations.append(token)
                    self._send(200, *receiver.echo(token))
                    return
                receiver.headers.append({k.lower(): v for k, v in self.headers.items()})
                receiver.bodies.append(json.loads(content))
                self._send(receiver.statuses.pop(0) if receiver.statuses else 202, "", "text/plain")

            def _send(self, status: int, text: str, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/api/notifications?code=key"

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and wait for it."""
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def notifications(self) -> list[Json]:
        """All notifications received, from all bodies."""
        return [item for body in self.bodies if isinstance(body, dict) for item in body["value"]]


async def eventually(condition: Callable[[], bool], limit: float = 60.0) -> None:
    """Wait until the condition holds; fail when it does not within `limit` seconds."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - another thread makes it true
            await asyncio.sleep(0.005)
