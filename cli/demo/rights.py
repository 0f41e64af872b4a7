"""Where the tenant checks rights: the demo's administrator grants the app what its settings need."""

from collections.abc import Sequence

import httpx

from cli.demo.calls import Control
from cli.demo.system import DemoSystem
from cli.errors import CommandError
from cli.grant.apply import carry_out, examine
from cli.grant.directory import Directory, graph_client
from cli.grant.needs import is_documented, needed, read_settings
from local.stack import app_settings
from shared.clients import wire

_TIMEOUT = 60.0


class _Administrator:
    """Tokens of the tenant's administrator."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def token(self, resource: str) -> str:  # noqa: ARG002 - there is one for Graph alone
        """Return a token for Graph."""
        return await self._control.graph_token()

    def forget(self, resource: str) -> None:
        """Do nothing: none is kept."""


async def grant_rights(system: DemoSystem) -> Sequence[str]:
    """Grant the app's identity what it needs, as `acp grant` does; return the permissions by name."""
    tenant = system.tenant
    settings = read_settings(app_settings("", tenant), tenant.id)
    needs = [need for need in needed(settings) if not need.optional]
    role = None if is_documented(settings) else "Teams Administrator"
    async with (
        Control(tenant.origin) as control,
        httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as http,
    ):
        audience, tokens = wire.CLOUDS[settings.cloud].graph_audience, _Administrator(control)
        directory = Directory(graph_client(tenant.origin, audience, http, tokens, _TIMEOUT))
        plan = await examine(directory, await control.identity(), needs, role, revoke=False)
        async for step in carry_out(directory, plan):
            if step.error:
                raise CommandError(f"{step.part}: {step.error}")
    return [need.permission for need in needs]
