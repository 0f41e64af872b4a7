"""The tenant's directory: the parts that the grant reads and changes."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from cli.grant import wire
from cli.grant.models import (
    Application,
    AppRoleAssignment,
    FederatedCredential,
    Principal,
    Role,
    RoleAssignment,
)
from shared.clients.http import Retries, ServiceClient
from shared.clients.identity import TokenSource
from shared.clients.limiter import Limiter
from shared.clients.pages import Page, page_reader
from shared.clients.wire import Call
from shared.clock import SystemClock
from shared.errors import ContractError, NotFoundError, RejectedError

_PRINCIPAL = {"$select": "id,appId,displayName,servicePrincipalType"}
_APPLICATION = {"$select": "id,appId,web,appRoles"}
_API = {"$select": "id,appId,displayName,servicePrincipalType,appRoles"}


_APP_ROLES: Final = page_reader(AppRoleAssignment)
_ROLES: Final = page_reader(Role)
_ROLE_ASSIGNMENTS: Final = page_reader(RoleAssignment)
_FEDERATED: Final = page_reader(FederatedCredential)


def graph_client(
    url: str, audience: str, http: httpx.AsyncClient, tokens: TokenSource, timeout: float
) -> ServiceClient:
    """Return a client of Graph that makes one call at a time."""
    clock = SystemClock()
    return ServiceClient(
        "Graph",
        url,
        audience,
        http=http,
        tokens=tokens,
        limiter=Limiter(clock, 1),
        clock=clock,
        retries=Retries(),
        rng=random.Random(),  # noqa: S311 - jitter of retries, nothing secret
        timeout=timeout,
    )


class Directory:
    """Client of Graph with the rights of the signed-in person. Every method raises ServiceError."""

    def __init__(self, service: ServiceClient) -> None:
        self._service = service

    async def principal(self, key: str) -> Principal | None:
        """Return the service principal with this object id or client id, or None.

        Source: "Get servicePrincipal", by id and by appId.
        """
        try:
            found = await self._service.call(
                wire.PRINCIPAL,
                Principal.model_validate_json,
                ids={"id": key},
                params=_PRINCIPAL,
            )
        except NotFoundError:
            return await self._by_app(key, _PRINCIPAL)
        return _about(found.id, key, found, wire.PRINCIPAL)

    async def graph(self) -> Principal | None:
        """Return the service principal of Microsoft Graph with the permissions that it offers."""
        return await self._by_app(wire.GRAPH_APP_ID, _API)

    async def app_roles(self, principal: str) -> list[AppRoleAssignment]:
        """Return the permissions that a service principal has, of every API.

        Source: "List appRoleAssignments granted to a service principal", which also says that
        what was granted just now may be missing.
        """
        return await self._all(wire.APP_ROLES, _APP_ROLES, {"id": principal}, {})

    async def grant(self, principal: str, resource: str, app_role: str) -> bool:
        """Grant a permission; False when it existed already.

        RejectedError: Graph does not grant it. A repeated assignment is 400
        `Request_BadRequest` like any other fault, so the list shows whether it exists. Source:
        "Grant an appRoleAssignment to a service principal".
        """
        body = {"principalId": principal, "resourceId": resource, "appRoleId": app_role}
        try:
            await self._service.call(wire.GRANT, lambda _: None, ids={"id": principal}, json=body)
        except RejectedError:
            have = {each.app_role_id for each in await self.app_roles(principal)}
            if app_role not in have:
                raise
            return False
        return True

    async def revoke(self, principal: str, assignment: str) -> bool:
        """Revoke a permission; False when it did not exist. Source: "Delete appRoleAssignment"."""
        ids = {"id": principal, "assignment": assignment}
        try:
            await self._service.call(wire.REVOKE, lambda _: None, ids=ids)
        except NotFoundError:
            return False
        return True

    async def roles(self) -> list[Role]:
        """Return all directory roles. Source: "List roleDefinitions"."""
        return await self._all(wire.ROLES, _ROLES, {}, {})

    async def role_assignments(self, principal: str) -> list[RoleAssignment]:
        """Return the directory roles of a principal. Source: "List unifiedRoleAssignments"."""
        only = {"$filter": f"principalId eq '{principal}'"}
        return await self._all(wire.ROLE_ASSIGNMENTS, _ROLE_ASSIGNMENTS, {}, only)

    async def assign(self, principal: str, role: str) -> bool:
        """Assign a directory role for the whole tenant; False when it existed already.

        RejectedError: Graph does not assign it; see `grant`. Source: "Create unifiedRoleAssignment".
        """
        body = {
            "@odata.type": "#microsoft.graph.unifiedRoleAssignment",
            "principalId": principal,
            "roleDefinitionId": role,
            "directoryScopeId": "/",
        }
        try:
            await self._service.call(wire.ASSIGN, lambda _: None, json=body)
        except RejectedError:
            have = await self.role_assignments(principal)
            if (role, "/") not in {(a.role_definition_id, a.directory_scope_id) for a in have}:
                raise
            return False
        return True

    async def application(self, app_id: str) -> Application | None:
        """Return the app registration with this client id, or None. Source: "Get application"."""
        try:
            found = await self._service.call(
                wire.APPLICATION,
                Application.model_validate_json,
                ids={"app_id": app_id},
                params=_APPLICATION,
            )
        except NotFoundError:
            return None
        if found.app_id != app_id.lower():
            raise ContractError("Graph", str(wire.APPLICATION), "the answer is about another one")
        return found

    async def update_application(self, application: str, body: Mapping[str, Any]) -> None:
        """Change an app registration. Source: "Update application"."""
        await self._service.call(
            wire.UPDATE_APPLICATION, lambda _: None, ids={"id": application}, json=dict(body)
        )

    async def federated(self, application: str) -> list[FederatedCredential]:
        """Return whom an app registration trusts. Source: "List federatedIdentityCredentials"."""
        return await self._all(wire.FEDERATED, _FEDERATED, {"id": application}, {})

    async def trust(self, application: str, body: Mapping[str, Any]) -> None:
        """Have an app registration trust an identity. Source: "Create federatedIdentityCredential"."""
        await self._service.call(
            wire.TRUST, lambda _: None, ids={"id": application}, json=dict(body)
        )

    async def _by_app(self, app_id: str, select: dict[str, str]) -> Principal | None:
        try:
            found = await self._service.call(
                wire.PRINCIPAL_BY_APP,
                Principal.model_validate_json,
                ids={"app_id": app_id},
                params=select,
            )
        except NotFoundError:
            return None
        return _about(found.app_id, app_id, found, wire.PRINCIPAL_BY_APP)

    async def _all[T](
        self,
        call: Call,
        parse: Callable[[bytes], Page[T]],
        ids: dict[str, str],
        params: dict[str, str],
    ) -> list[T]:
        pages = self._service.pages(call, parse, ids=ids, params=params)
        return [each async for page in pages for each in page.items]


def _about(named: str, asked: str, found: Principal, call: Call) -> Principal:
    """Return the account found; ContractError: it is not the one that was asked about."""
    if named != asked.lower():
        raise ContractError("Graph", str(call), "the answer is about another account")
    return found
