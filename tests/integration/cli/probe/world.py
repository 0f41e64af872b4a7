"""A tenant that a probe asks in this process, with a place to spoil its answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette

from cli.probe.ask import Prober
from cli.probe.file import VERSION, ProbeFile
from local.tenant.app import create_app
from local.tenant.options import TenantOptions
from shared.settings.settings import Settings

ORIGIN = "https://tenant.example"

Spoil = Callable[[httpx.Request, int, Any], tuple[int, Any, dict[str, str]]]


def as_it_is(_: httpx.Request, status: int, content: Any) -> tuple[int, Any, dict[str, str]]:
    """Leave an answer as it is."""
    return status, content, {}


@dataclass
class ProbedTenant:
    """A tenant of some users and one group; `spoil` changes its answers to the probe."""

    options: TenantOptions = field(default_factory=lambda: TenantOptions(users=60, seed=3))
    spoil: Spoil = as_it_is
    group: str | None = None
    requests: list[httpx.Request] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app: Starlette = create_app(self.options)
        self.inner = httpx.ASGITransport(app=self.app)
        self.client = httpx.AsyncClient(transport=self.inner, base_url=ORIGIN)

    # what a transport does

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the tenant answer, and spoil it."""
        self.requests.append(request)
        answer = await self.inner.handle_async_request(request)
        body = await answer.aread()
        content = json.loads(body) if body else None
        status, content, headers = self.spoil(request, answer.status_code, content)
        kept = {k: v for k, v in answer.headers.items() if k != "content-length"}
        return httpx.Response(status, headers={**kept, **headers}, content=json.dumps(content))

    # what a source of tokens does

    async def token(self, resource: str) -> str:
        """Return a token of the app's identity, always the same one."""
        if resource not in self.tokens:
            answer = await self.client.get(
                "/msi/token",
                params={"api-version": "2019-08-01", "resource": resource},
                headers={"X-IDENTITY-HEADER": "probe"},
            )
            self.tokens[resource] = str(answer.raise_for_status().json()["access_token"])
        return self.tokens[resource]

    def forget(self, resource: str) -> None:
        """Do nothing."""

    async def make_group(self) -> str:
        """Make a group with a member, and return its id."""
        token = await self.token("https://graph.microsoft.com")
        headers = {"Authorization": f"Bearer {token}"}
        member = self.app.state.tenant.directory.users[0]
        body = {
            "displayName": "Board",
            "mailEnabled": False,
            "mailNickname": "board",
            "securityEnabled": True,
            "members@odata.bind": [f"{ORIGIN}/v1.0/users/{member.id}"],
        }
        answer = await self.client.post("/v1.0/groups", json=body, headers=headers)
        self.group = str(answer.raise_for_status().json()["id"])
        return self.group

    async def probe(self) -> ProbeFile:
        """Probe it; return what the file would have."""
        settings = Settings.from_environment(
            {
                "ACP_TENANT_ID": self.options.tenant_id,
                "ACP_GRAPH_URL": ORIGIN,
                "ACP_TEAMS_URL": ORIGIN,
                "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            }
        )
        transport = httpx.MockTransport(self.handle_async_request)
        prober = Prober(settings, self, self.group, transport)
        rows = await prober.probe(lambda _: None)
        return ProbeFile(kind="acp-probe", version=VERSION, app="0.1.0", cloud="public", rows=rows)
