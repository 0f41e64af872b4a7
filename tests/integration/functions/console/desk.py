"""The console in this process: real pages, services, clients and tables; the tenant is called directly.

Nobody works off the queues, so what a form begins stays begun.
"""

import asyncio
import html
import itertools
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Self
from urllib.parse import urlencode, urlsplit

import azure.functions as func
import httpx
from azure.core.credentials import AccessToken

from functions.console.door import answer
from functions.console.session import COOKIE, TOKEN, Sessions
from local.tenant.app import create_app
from local.tenant.options import TenantOptions
from shared.bootstrap.services import App
from shared.clients.identity import CachedTokens
from shared.domain.held import HeldUser
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Waiting, WaitReason
from shared.domain.roster import RosterEntry, Standing
from shared.domain.run import Mode, Run, RunState, Signal
from shared.settings.settings import Settings
from tests.fakes import FakeClock

ORIGIN: Final = "http://127.0.0.1:7071"
TENANT: Final = "https://tenant.example"
SECRET: Final = "s" * 40
HELD: Final = "20261123T110000Z-sweep-0000held"
OPEN: Final = "20261123T113000Z-request-0000open"
FAILED: Final = "20261123T103000Z-request-0failed0"
_NUMBERS: Final = itertools.count(1)
_KEYS: Final = itertools.count(1)
_HIDDEN: Final = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


class _Tokens(CachedTokens):
    """Tokens of the tenant's managed identity, asked for in this thread."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__()
        self._http = http

    async def access_token(self, resource: str) -> AccessToken:
        params = {"api-version": "2019-08-01", "resource": resource}
        answer = await self._http.get(
            f"{TENANT}/msi/token", params=params, headers={"X-IDENTITY-HEADER": "x"}
        )
        return AccessToken(str(answer.json()["access_token"]), 2**31)

    def acquire(self, resource: str) -> AccessToken:
        raise NotImplementedError

    def renew(self) -> None:
        """Do nothing: none is kept."""


@dataclass
class Answer:
    """What the browser gets."""

    status: int
    text: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def location(self) -> str:
        """Where it goes next, below the console."""
        return self.headers.get("Location", "").removeprefix("/api/console").lstrip("/")

    @property
    def alerts(self) -> list[str]:
        """What is said as an alert, as a person reads it."""
        found = re.findall(r'<(?:p|div)[^>]*role="alert"[^>]*>(.*?)</(?:p|div)>', self.text, re.S)
        return [html.unescape(re.sub(r"<[^>]+>", "", each)).strip() for each in found]

    def value(self, field_id: str) -> str | None:
        """Return what stands in a text field."""
        tag = re.search(rf'<input id="{field_id}"[^>]*>', self.text)
        found = re.search(r' value="([^"]*)"', tag[0]) if tag else None
        return html.unescape(found[1]) if found else None

    def fault(self, field_id: str) -> str | None:
        """Return what is said next to a field."""
        found = re.search(rf'<p id="{field_id}-fault"[^>]*>(.*?)</p>', self.text)
        return html.unescape(found[1]) if found else None

    def hidden(self, action: str) -> dict[str, str]:
        """Return the hidden fields of the form with this action (the beginning of its address will do)."""
        found = re.search(
            rf'<form[^>]*action="/api/console/{re.escape(action)}[^"]*"[^>]*>(.*?)</form>',
            self.text,
            re.S,
        )
        assert found, f"no form {action!r} on this page"
        return {name: html.unescape(value) for name, value in _HIDDEN.findall(found[1])}

    def has_form(self, action: str) -> bool:
        """Return whether the page offers an action."""
        return f'action="/api/console/{action}' in self.text


@dataclass
class Desk:
    """Somebody at the console of an app on a tenant. people: the tenant's users by kind."""

    app: App
    tenant: httpx.AsyncClient
    people: dict[str, list[dict[str, Any]]]
    sessions: Sessions
    cookie: str
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Answer:
        """Open a page."""
        return await self.send("GET", path, headers={**self.headers, **headers})

    async def post(
        self,
        path: str,
        form: Mapping[str, str | Sequence[str]],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a form, with a key of its own unless it has one."""
        given = {"key": f"key-{next(_KEYS)}", **form}
        sent = {"Sec-Fetch-Site": "same-origin", **self.headers} if headers is None else headers
        kind = {"Content-Type": "application/x-www-form-urlencoded", **sent}
        return await self.send("POST", path, urlencode(given, doseq=True).encode(), kind)

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request as it is."""
        url = f"{ORIGIN}/api/console/{path}"
        sent = {"Cookie": self.cookie, "Host": "127.0.0.1:7071", **(headers or {})}
        request = func.HttpRequest(
            method=method,
            url=url,
            headers=sent,
            route_params={"path": urlsplit(url).path.removeprefix("/api/console").lstrip("/")},
            body=body,
        )
        found = await answer(request, lambda: self.app, self.sessions)
        text = found.get_body().decode() if found.mimetype == "text/html" else ""
        return Answer(found.status_code, text, dict(found.headers), found.get_body())

    def user(self, kind: str, number: int = 0) -> dict[str, Any]:
        """Return a user of a kind."""
        return self.people[kind][number]

    async def faults(self, **faults: object) -> None:
        """Let the tenant's calls suffer faults from now on."""
        sent = await self.tenant.put(f"{TENANT}/_tenant/faults", json=faults)
        sent.raise_for_status()

    async def move_by_hand(self, user: Mapping[str, Any]) -> None:
        """Let somebody else put a user on Microsoft."""
        await self.app.adapters.teams.set_microsoft(user["id"], replace=True)

    async def done(self) -> tuple[int, int]:
        """Return how many runs there are, and how many actions of people were recorded."""
        runs = await self.app.adapters.runs.newest(self.app.adapters.clock.now(), 1_000)
        rows = self.app.adapters.tables.table("state").query(
            "PartitionKey eq @actions", {"actions": "actions"}
        )
        return len(runs), len([row async for row in rows])

    async def fill(self) -> Self:
        """Leave something to do: users on lists, a held run, one that goes on, one that failed, attention."""
        to, now = self.app.adapters, self.app.adapters.clock.now()
        third, none = self.people["third_party"], self.people["no_provider"]
        entries = [
            RosterEntry(
                each["id"],
                Standing.READY,
                "the provider is a third party",
                now - timedelta(hours=2),
                upn=each["userPrincipalName"],
                provider=each["provider"] or "",
                name=each["displayName"],
                country=each["usageLocation"] or "",
            )
            for each in (*third, *none)
        ]
        runs = (
            Run(HELD, Signal.SWEEP, RunState.HELD, now - timedelta(hours=1), reason="too many"),
            Run(OPEN, Signal.REQUEST, RunState.RUNNING, now - timedelta(minutes=30), scanned=True),
            Run(FAILED, Signal.REQUEST, RunState.FINISHED, now - timedelta(minutes=90)),
        )
        held = [
            HeldUser(each["id"], each["userPrincipalName"], "BT", Signal.SWEEP, HELD, now, "many")
            for each in third[:4]
        ]
        user, reason = none[0], "Teams: PUT /users: HTTP 500"
        name, due = user["userPrincipalName"], now + timedelta(hours=1)
        failed = UserResult(user["id"], Outcome.FAILED, reason, name)
        row = Waiting(user["id"], WaitReason.FAILURE, reason, now, due, now, True, upn=name)
        await asyncio.gather(
            to.roster.insert(entries, now),
            *map(to.runs.save_run, runs),
            *map(to.held.add_held, held),
            to.runs.record_results(FAILED, [failed], now),
            to.waiting.save_waiting(row),
        )
        return self


@asynccontextmanager
async def open_desk(connection: str, **settings: str) -> AsyncIterator[Desk]:
    """Open the console of an app of its own, on a tenant of its own, for somebody on this machine."""
    number = next(_NUMBERS)
    given = {
        "AzureWebJobsStorage": connection,
        "ACP_TENANT_ID": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
        "ACP_GRAPH_URL": TENANT,
        "ACP_TEAMS_URL": TENANT,
        "ACP_MODE": str(Mode.MOVE),
        "ACP_TABLE_PREFIX": f"desk{number}x",
        "ACP_QUEUE": f"desk{number}x",
        **settings,
    }
    app = App(Settings.from_environment(given))
    served = create_app(TenantOptions.model_validate({"users": 60, "seed": 5, "lag_seconds": 0.0}))
    tenant = httpx.AsyncClient(transport=httpx.ASGITransport(app=served))
    to = app.adapters
    to.clock, to.http = FakeClock(), tenant
    to.identity = _Tokens(tenant)
    state = (await tenant.get(f"{TENANT}/_tenant/state")).json()
    people: dict[str, list[dict[str, Any]]] = {}
    for user in state["users"]:
        people.setdefault(user["kind"], []).append(user)
    sessions = Sessions({TOKEN: SECRET, "USER": "ada"})
    cookie = sessions.enter(SECRET, f"{ORIGIN}/api/console/enter").partition(";")[0]
    assert cookie.startswith(COOKIE)
    try:
        yield Desk(app, tenant, people, sessions, cookie)
    finally:
        await app.close()
