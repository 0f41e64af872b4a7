"""A served tenant, an `az` that is a real program, and `acp grant` between them."""

import asyncio
import base64
import json
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from cli.serving import bind
from local.tenant.app import create_app
from local.tenant.options import TenantOptions
from local.waiting import wait_until
from tests.e2e.command_line import CommandLine, Ended

PATIENCE = 60.0
READS = {
    "get_principal",
    "list_app_roles",
    "role_definitions",
    "list_role_assignments",
    "get_application",
    "list_federated_credentials",
}
_SIGNED_IN = """#!{python} -IS
import sys, urllib.request
words = sys.argv[1:]
assert words[:2] == ["account", "get-access-token"], words
assert words[words.index("--resource") + 1] == "https://graph.microsoft.com", words
assert words[words.index("--tenant") + 1] == "{tenant}", words
request = urllib.request.Request("{origin}/_tenant/administrator/token", b"{{}}")
print(urllib.request.urlopen(request).read().decode())
"""
_PRINTS = """#!{python} -IS
import sys
sys.stderr.write({err!r})
sys.stdout.write({out!r})
sys.exit({status})
"""


class Gate:
    """Stands before the tenant and answers, in its place, the calls that it is told to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.refused: dict[tuple[str, str], tuple[int, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error of Graph, or let the tenant answer."""
        key = (scope.get("method", ""), str(scope.get("path", "")).rpartition("/")[2])
        if scope["type"] != "http" or key not in self.refused:
            await self._app(scope, receive, send)
            return
        status, code = self.refused[key]
        body = json.dumps({"error": {"code": code, "message": "as told"}}).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class GrantingWorld:
    """One tenant, and what a person at a keyboard does about the rights of the app's identity."""

    origin: str
    tenant_id: str
    gate: Gate
    folder: Path
    http: httpx.Client
    identity: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    def acp(self, *words: str, path: str | None = None, **environment: str) -> Ended:
        """Run `acp grant` with these words; `az` is the only program on its PATH."""
        settings = {"ACP_TENANT_ID": self.tenant_id, "ACP_GRAPH_URL": self.origin, **self.settings}
        command = CommandLine(self.folder / "run", settings)
        # The tenant speaks plain HTTP: an empty folder instead of a wait for certificates.
        given = {"SSL_CERT_DIR": str(self.folder), **environment}
        given |= {"PATH": str(self.folder) if path is None else path}
        named = "--identity" in words or not self.identity
        identity = [] if named else ["--identity", self.identity]
        return command("grant", *identity, *words, **given)

    def sign_in(self, *roles: str) -> None:
        """Be a person with these directory roles."""
        self.control("PUT", "/administrator", {"roles": list(roles)})

    def az(self, text: str) -> None:
        """Write another `az`."""
        file = self.folder / "az"
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def az_prints(self, out: str = "", err: str = "", status: int = 0) -> None:
        """Have `az` print this and end with that status."""
        self.az(_PRINTS.format(python=sys.executable, out=out, err=err, status=status))

    def az_elsewhere(self, tenant: str) -> None:
        """Have `az` give a token of another tenant."""
        claims = base64.urlsafe_b64encode(json.dumps({"tid": tenant}).encode()).decode()
        self.az_prints(json.dumps({"accessToken": f"e30.{claims.rstrip('=')}.x"}))

    def az_signed_in(self) -> None:
        """Have `az` give a token of the tenant's administrator."""
        self.az(signed_in_az(self.origin, self.tenant_id))

    @property
    def rights(self) -> tuple[list[str], list[str]]:
        """The permissions and the directory roles of the identity."""
        found = self.control("GET", "/identity")
        return found["permissions"], found["roles"]

    @property
    def writes(self) -> int:
        """How many calls that change rights Graph has answered, whatever it answered."""
        calls = self.control("GET", "/counters")["calls"].get("graph", {})
        return sum(sum(counts.values()) for name, counts in calls.items() if name not in READS)

    def grant_by_hand(self, permission: str) -> None:
        """Grant a permission of Graph, as somebody else would."""
        token = self.control("POST", "/administrator/token", {})["accessToken"]
        headers = {"Authorization": f"Bearer {token}"}
        principals = f"{self.origin}/v1.0/servicePrincipals"
        app = "00000003-0000-0000-c000-000000000000"
        graph = self.http.get(f"{principals}(appId='{app}')", headers=headers).json()
        roles = {role["value"]: role["id"] for role in graph["appRoles"]}
        body = {
            "principalId": self.identity,
            "resourceId": graph["id"],
            "appRoleId": roles[permission],
        }
        url = f"{principals}/{self.identity}/appRoleAssignments"
        self.http.post(url, json=body, headers=headers).raise_for_status()

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """A control call that succeeds."""
        url = f"{self.origin}/_tenant{path}"
        answer = self.http.request(method, url, json=body).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def signed_in_az(origin: str, tenant_id: str) -> str:
    """The text of an `az` that gives a token of a served tenant's administrator."""
    return _SIGNED_IN.format(python=sys.executable, origin=origin, tenant=tenant_id)


@contextmanager
def serving(folder: Path) -> Iterator[GrantingWorld]:
    """Serve a small tenant; its administrator is a Privileged Role Administrator, signed in to az."""
    app = create_app(TenantOptions(users=20))
    gate = Gate(app)
    with (
        served(gate) as origin,
        # Plain HTTP, and no wait for certificates.
        httpx.Client(trust_env=False, verify=False) as http,  # noqa: S501
    ):
        world = GrantingWorld(origin, app.state.tenant.id, gate, folder, http)
        world.identity = world.control("GET", "/identity")["principalId"]
        world.sign_in("Privileged Role Administrator")
        world.az_signed_in()
        yield world


@contextmanager
def served(app: ASGIApp | Callable[..., Any]) -> Iterator[str]:
    """Serve an application on a free port from a thread; gives its origin."""
    with bind(0) as bound:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="auto"))
        thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[bound]),))
        thread.start()
        try:
            wait_until(lambda: server.started, "the server", PATIENCE)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
