"""The app registration with which people sign in: one, there from the tenant's birth, without anything.

Sources: https://learn.microsoft.com/graph/api/application-get, .../application-update,
.../application-list-federatedidentitycredentials, .../application-post-federatedidentitycredentials.
"""

from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call, Routes
from local.tenant.graph.users import not_found
from local.tenant.graph.writes import read_object
from local.tenant.identity.principals import Registration
from local.tenant.identity.rights import need
from local.tenant.tenant import Tenant

_READ = {"Application.Read.All", "Application.ReadWrite.All"}
_WRITE = {"Application.ReadWrite.All"}
_MANAGE = frozenset(
    {"Global Administrator", "Application Administrator", "Cloud Application Administrator"}
)
_FIELDS = ("name", "issuer", "subject", "audiences")


class GraphApplications:
    """`/applications(appId='...')`, `/applications/{id}` and its federated credentials."""

    def __init__(self, tenant: Tenant) -> None:
        self._all = tenant.principals

    def add_to(self, routes: Routes) -> None:
        """Add these calls."""
        trusted = "/applications/{id}/federatedIdentityCredentials"
        routes.add("GET", "/applications(appId='{app_id}')", "get_application", self._get)
        routes.add("PATCH", "/applications/{id}", "update_application", self._update)
        routes.add("GET", trusted, "list_federated_credentials", self._trusted)
        routes.add("POST", trusted, "create_federated_credential", self._trust)

    def _get(self, call: Call) -> Answer:
        need(call.caller, roles=None, permissions=_READ)
        one = self._all.registration
        if call.params["app_id"].lower() != one.app_id:
            raise not_found(call.params["app_id"])
        return Answer(
            200,
            {
                "id": one.id,
                "appId": one.app_id,
                "web": {
                    "redirectUris": one.redirects,
                    "implicitGrantSettings": {
                        "enableAccessTokenIssuance": False,
                        "enableIdTokenIssuance": one.id_tokens,
                    },
                },
                "appRoles": one.roles,
            },
        )

    def _update(self, call: Call) -> Answer:
        need(call.caller, roles=_MANAGE, permissions=_WRITE)
        one, body = self._find(call), read_object(call)
        web, roles = body.get("web", {}), body.get("appRoles", one.roles)
        if not isinstance(web, dict) or not isinstance(roles, list):
            raise GraphError(400, "Request_BadRequest", "Invalid value specified for property.")
        values = [role.get("value") for role in roles]
        if len(values) != len(set(values)):
            raise GraphError(400, "Request_BadRequest", "Property value is not unique: appRoles.")
        one.roles = roles
        one.redirects = web.get("redirectUris", one.redirects)
        grant = web.get("implicitGrantSettings", {})
        one.id_tokens = grant.get("enableIdTokenIssuance", one.id_tokens)
        return Answer(204)

    def _trusted(self, call: Call) -> Answer:
        need(call.caller, roles=None, permissions=_READ)
        return Answer(200, {"value": self._find(call).trusted})

    def _trust(self, call: Call) -> Answer:
        need(call.caller, roles=_MANAGE, permissions=_WRITE)
        one, body = self._find(call), read_object(call)
        if any(name not in body for name in _FIELDS):
            raise GraphError(400, "Request_BadRequest", "A required property is missing.")
        if any(each["name"] == body["name"] for each in one.trusted):
            raise GraphError(
                409, "Request_MultipleObjectsWithSameKeyValue", "The name is taken already."
            )
        one.trusted.append({name: body[name] for name in _FIELDS})
        return Answer(201, one.trusted[-1])

    def _find(self, call: Call) -> Registration:
        if call.params["id"].lower() != self._all.registration.id:
            raise not_found(call.params["id"])
        return self._all.registration
