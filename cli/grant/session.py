"""Grant session, from sign-in to the last step: every check comes before the first write."""

from collections.abc import Sequence
from typing import Final

import httpx

from cli.errors import CommandError
from cli.grant import signed_in
from cli.grant.apply import Step, carry_out, examine, foreseen, with_sign_in
from cli.grant.az import AzTokens
from cli.grant.directory import Directory, graph_client
from cli.grant.handover import handover
from cli.grant.needs import Need, needed
from cli.grant.plan import Plan
from cli.grant.request import GrantRequest, SignIn
from cli.output import tell
from cli.sign_in import DeviceSignIn
from shared.clients import wire
from shared.clients.http import ServiceClient
from shared.clients.identity import CachedTokens
from shared.errors import AccessDeniedError, ServiceError
from shared.settings.settings import Settings

_MAY_NOT: Final = (
    "you may not do this: it needs the Entra role Privileged Role Administrator. Where it was "
    "activated a moment ago, sign in again. Nothing was changed"
)


async def in_tenant(request: GrantRequest, settings: Settings) -> list[Step]:
    """Grant what is missing, or show what would be granted; return the steps, even if one failed.

    CommandError, nothing changed: the tenant or the identity is another one (status 2), the signed-in
    person lacks the role (1), not signed in (3). Other errors: those of `examine`.
    """
    needs = needed(settings)
    tokens = _tokens(request, settings)
    async with httpx.AsyncClient(timeout=settings.request_timeout) as http:
        directory = Directory(_service(settings, tokens, http))
        person = signed_in.read(await tokens.token(wire.CLOUDS[settings.cloud].graph_audience))
        if person.tenant and person.tenant != settings.tenant_id:
            raise CommandError(
                f"signed in to tenant {person.tenant}, but {settings.tenant_id} is meant: "
                f"`az login --tenant {settings.tenant_id}`, or name the other one with --tenant",
                2,
            )
        try:
            plan = await examine(
                directory, request.identity, needs, request.role, revoke=request.revoke
            )
            if request.console:
                issuer = f"{wire.CLOUDS[settings.cloud].sign_in}/{settings.tenant_id}/v2.0"
                plan = await with_sign_in(directory, plan, request.console, issuer, settings.cloud)
        except AccessDeniedError as error:
            if error.status != httpx.codes.FORBIDDEN:
                raise
            raise _may_not(request, settings, needs) from error
        _introduce(plan, settings)
        if request.what_if:
            if plan.grants and person.may_grant is False:
                tell(
                    f"You do not have the right to do this.\n\n{_handover(request, settings, needs)}\n"
                )
            return foreseen(plan)
        if plan.grants and person.may_grant is False:
            raise _may_not(request, settings, needs)
        return [step async for step in carry_out(directory, plan)]


def stopped(request: GrantRequest, settings: Settings, error: ServiceError) -> CommandError:
    """Return the error for a grant that failed at a step: what to do next, or whom to ask."""
    if error.status == httpx.codes.FORBIDDEN:
        text = (
            f"Graph refused a step ({error}); it needs the Entra role Privileged Role Administrator, and "
            "a step of the sign-in Application Administrator. What is `done` above stays. "
            "With `az` as sign-in Graph may also miss the scope "
            "RoleManagement.ReadWrite.Directory: `--sign-in device` asks for it"
        )
        return CommandError(f"{text}\n\n{_handover(request, settings, needed(settings))}")
    return CommandError(
        f"{error}. Steps marked `done` stay done; run the command again to continue with the rest",
        3,
    )


def _tokens(request: GrantRequest, settings: Settings) -> CachedTokens:
    if request.sign_in is SignIn.AZ:
        return AzTokens(settings.tenant_id)
    if settings.sign_in_client_id is None:
        raise CommandError(
            "--sign-in device needs ACP_SIGN_IN_CLIENT_ID: a public client application with the "
            "delegated permissions Application.Read.All, AppRoleAssignment.ReadWrite.All and "
            "RoleManagement.ReadWrite.Directory of Microsoft Graph",
            2,
        )
    address = settings.sign_in_url or wire.CLOUDS[settings.cloud].sign_in
    return DeviceSignIn(
        settings.sign_in_client_id,
        f"{str(address).rstrip('/')}/{settings.tenant_id}",
        settings.request_timeout,
        known=settings.sign_in_url is None,
    )


def _service(settings: Settings, tokens: CachedTokens, http: httpx.AsyncClient) -> ServiceClient:
    cloud = wire.CLOUDS[settings.cloud]
    url = str(settings.graph_url or cloud.graph)
    return graph_client(url, cloud.graph_audience, http, tokens, settings.request_timeout)


def _introduce(plan: Plan, settings: Settings) -> None:
    name, identity = plan.identity.display_name, plan.identity.id
    tell(f"managed identity {name} (object id {identity}) in tenant {settings.tenant_id}")


def _may_not(request: GrantRequest, settings: Settings, needs: Sequence[Need]) -> CommandError:
    return CommandError(f"{_MAY_NOT}\n\n{_handover(request, settings, needs)}")


def _handover(request: GrantRequest, settings: Settings, needs: Sequence[Need]) -> str:
    return handover(
        tenant=settings.tenant_id,
        identity=request.identity,
        needs=needs,
        role=request.role,
        environment=request.environment,
        console=request.console,
    )
