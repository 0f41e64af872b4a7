"""Service principals and the application permissions they are given.

Sources: https://learn.microsoft.com/graph/api/serviceprincipal-get,
.../serviceprincipal-list-approleassignments, .../serviceprincipal-post-approleassignments,
.../serviceprincipal-delete-approleassignments. Which role a person needs: "Grant API permissions to a
managed identity" (Microsoft Entra PowerShell). The text of a duplicate: public clients that met it.
"""

import base64
import hashlib
import uuid

from local.tenant.clock import stamp
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.shapes import not_selectable
from local.tenant.graph.users import not_found
from local.tenant.graph.writes import read_object
from local.tenant.identity.permissions import APP_ROLE_BY_ID, APP_ROLES
from local.tenant.identity.principals import AppRoleAssignment, ServicePrincipal
from local.tenant.identity.rights import MANAGE_APPS, MANAGE_ROLES, need
from local.tenant.tenant import Tenant

_READ = {"Application.Read.All", "Directory.Read.All", "Application.ReadWrite.All"}
_GRANT = {"AppRoleAssignment.ReadWrite.All"}


class GraphPrincipals:
    """`/servicePrincipals` and `/servicePrincipals/{id}/appRoleAssignments`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._all = tenant.principals

    def get(self, call: Call) -> Answer:
        """One service principal, by its object id."""
        need(call.caller, roles=None, permissions=_READ)
        return self._one(call, self._find(call))

    def get_by_app(self, call: Call) -> Answer:
        """One service principal, by the id of its application."""
        need(call.caller, roles=None, permissions=_READ)
        found = self._all.by_app(call.params["app_id"])
        if found is None:
            raise not_found(call.params["app_id"])
        return self._one(call, found)

    def assignments(self, call: Call) -> Answer:
        """The application permissions that a service principal was given."""
        need(call.caller, roles=None, permissions=_READ)
        principal = self._find(call)
        value = [
            self._show_assignment(each)
            for each in self._all.app_roles
            if each.principal_id == principal.id
        ]
        return Answer(200, {"@odata.context": _where(call, "appRoleAssignments"), "value": value})

    def grant(self, call: Call) -> Answer:
        """Give an application permission; 201."""
        principal = self._find(call)
        body = read_object(call)
        ids = [_guid(body, name) for name in ("principalId", "resourceId", "appRoleId")]
        principal_id, resource_id, app_role_id = ids
        resource = self._all.find(resource_id)
        of_graph = resource is not None and resource.id == self._all.graph.id
        need(call.caller, roles=MANAGE_ROLES if of_graph else MANAGE_APPS, permissions=_GRANT)
        if principal_id != principal.id:
            raise GraphError(400, "Request_BadRequest", "Not a valid reference update.")
        if resource is None:
            raise not_found(resource_id)
        if not of_graph or app_role_id not in APP_ROLE_BY_ID:
            raise GraphError(
                400,
                "Request_BadRequest",
                f"Permission being assigned was not found on application '{resource.app_id}'.",
            )
        made = AppRoleAssignment(
            _opaque(*ids), principal_id, resource_id, app_role_id, self._tenant.clock.now()
        )
        if any(each.id == made.id for each in self._all.app_roles):
            raise GraphError(
                400,
                "Request_BadRequest",
                "Permission being assigned already exists on the object",
            )
        self._all.app_roles.append(made)
        where = _where(call, f"servicePrincipals('{principal.id}')/appRoleAssignments/$entity")
        return Answer(201, {"@odata.context": where, **self._show_assignment(made)})

    def revoke(self, call: Call) -> Answer:
        """Take an application permission away; 204."""
        principal = self._find(call)
        need(call.caller, roles=MANAGE_ROLES, permissions=_GRANT)
        for each in self._all.app_roles:
            if each.id == call.params["assignment"] and each.principal_id == principal.id:
                self._all.app_roles.remove(each)
                return Answer(204)
        raise not_found(call.params["assignment"])

    def _find(self, call: Call) -> ServicePrincipal:
        found = self._all.find(call.params["id"])
        if found is None:
            raise not_found(call.params["id"])
        return found

    def _one(self, call: Call, principal: ServicePrincipal) -> Answer:
        shown = _selected(self._show(principal), call.query.get("$select"))
        where = _where(call, "servicePrincipals/$entity")
        return Answer(200, {"@odata.context": where, **shown})

    def _show(self, principal: ServicePrincipal) -> dict[str, object]:
        of_graph = principal.id == self._all.graph.id
        return {
            "id": principal.id,
            "deletedDateTime": None,
            "accountEnabled": True,
            "alternativeNames": [],
            "appDisplayName": principal.name,
            "appId": principal.app_id,
            "appRoleAssignmentRequired": False,
            "displayName": principal.name,
            "servicePrincipalNames": [principal.app_id],
            "servicePrincipalType": principal.kind,
            "tags": [],
            "appRoles": [role.as_json() for role in APP_ROLES] if of_graph else [],
        }

    def _show_assignment(self, made: AppRoleAssignment) -> dict[str, object]:
        principal, resource = self._all.find(made.principal_id), self._all.find(made.resource_id)
        return {
            "id": made.id,
            "deletedDateTime": None,
            "appRoleId": made.app_role_id,
            "createdDateTime": stamp(made.at),
            "principalDisplayName": principal.name if principal else None,
            "principalId": made.principal_id,
            "principalType": "ServicePrincipal",
            "resourceDisplayName": resource.name if resource else None,
            "resourceId": made.resource_id,
        }


def _selected(full: dict[str, object], select: str | None) -> dict[str, object]:
    if not select:
        return full
    names = [name.strip() for name in select.split(",")]
    for name in names:
        if name not in full:
            raise not_selectable(name, "servicePrincipal")
    return {name: full[name] for name in names}


def _guid(body: dict[str, object], name: str) -> str:
    try:
        return str(uuid.UUID(str(body.get(name))))
    except ValueError:
        raise GraphError(
            400,
            "Request_BadRequest",
            f"Invalid value specified for property '{name}' of resource 'AppRoleAssignment'.",
        ) from None


def _opaque(*parts: str) -> str:
    """An id that looks like Graph's: the same for the same assignment."""
    digest = hashlib.sha256("/".join(parts).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _where(call: Call, what: str) -> str:
    return f"{call.base}/v1.0/$metadata#{what}"
