"""Directory roles: which there are, and who was given them.

Sources: https://learn.microsoft.com/graph/api/rbacapplication-list-roledefinitions,
.../rbacapplication-list-roleassignments, .../rbacapplication-post-roleassignments. The text of a
duplicate: public clients that met it.
"""

import base64
import hashlib

from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.equals import matches, read_equals
from local.tenant.graph.users import not_found
from local.tenant.graph.writes import read_object
from local.tenant.identity.permissions import DIRECTORY_ROLES, ROLE_BY_ID
from local.tenant.identity.principals import RoleAssignment
from local.tenant.identity.rights import MANAGE_ROLES, READ_ROLES, need
from local.tenant.tenant import Tenant

_MANAGE = {"RoleManagement.ReadWrite.Directory"}
_READ = _MANAGE | {"RoleManagement.Read.Directory", "RoleManagement.Read.All", "Directory.Read.All"}


class GraphRoles:
    """`/roleManagement/directory`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._all = tenant.principals

    def definitions(self, call: Call) -> Answer:
        """The built-in roles that `$filter` leaves, in one page."""
        need(call.caller, roles=READ_ROLES, permissions=_READ)
        names = ("id", "displayName", "templateId", "isBuiltIn")
        wanted = read_equals(call.query.get("$filter"), names)
        shown = [role.as_json() for role in DIRECTORY_ROLES]
        value = [each for each in shown if matches(each, wanted)]
        return Answer(200, {"@odata.context": _where(call, "roleDefinitions"), "value": value})

    def assignments(self, call: Call) -> Answer:
        """Who was given which role, as far as `$filter` leaves them."""
        need(call.caller, roles=READ_ROLES, permissions=_READ)
        names = ("principalId", "roleDefinitionId", "directoryScopeId")
        wanted = read_equals(call.query.get("$filter"), names)
        shown = [_show(each) for each in self._all.roles]
        value = [each for each in shown if matches(each, wanted)]
        return Answer(200, {"@odata.context": _where(call, "roleAssignments"), "value": value})

    def assign(self, call: Call) -> Answer:
        """Give a role; 201."""
        need(call.caller, roles=MANAGE_ROLES, permissions=_MANAGE)
        body = read_object(call)
        principal_id, role_id = (
            _text(body, name).lower() for name in ("principalId", "roleDefinitionId")
        )
        scope = _text(body, "directoryScopeId")
        if role_id not in ROLE_BY_ID:
            raise not_found(role_id)
        if self._all.find(principal_id) is None and not self._tenant.directory.find(principal_id):
            raise not_found(principal_id)
        digest = hashlib.sha256(f"{role_id}{principal_id}{scope}".encode()).digest()
        identifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        made = RoleAssignment(f"{identifier}-1", principal_id, role_id, scope)
        if any(each.id == made.id for each in self._all.roles):
            raise GraphError(
                400,
                "Request_BadRequest",
                "A conflicting object with one or more of the specified property values is present "
                "in the directory.",
            )
        self._all.roles.append(made)
        return Answer(
            201, {"@odata.context": _where(call, "roleAssignments/$entity"), **_show(made)}
        )


def _show(made: RoleAssignment) -> dict[str, object]:
    return {
        "id": made.id,
        "principalId": made.principal_id,
        "directoryScopeId": made.scope,
        "roleDefinitionId": made.role_id,
    }


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise GraphError(400, "Request_BadRequest", f"A value is required for property '{name}'.")
    return value


def _where(call: Call, what: str) -> str:
    return f"{call.base}/v1.0/$metadata#roleManagement/directory/{what}"
