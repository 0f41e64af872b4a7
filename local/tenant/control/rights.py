"""Control calls about rights: who signs in, with which roles, and what the app's identity was granted."""

from local.tenant.control.bodies import AdministratorRoles, TokenRequest, read_body
from local.tenant.errors import ControlError
from local.tenant.exchange import Answer, Call, Routes
from local.tenant.identity.permissions import ROLE_BY_ID, ROLE_BY_NAME
from local.tenant.identity.tokens import Tokens
from local.tenant.tenant import Tenant


class ControlRights:
    """`/_tenant/administrator` and `/_tenant/identity`."""

    def __init__(self, tenant: Tenant, tokens: Tokens) -> None:
        self._tenant = tenant
        self._all = tenant.principals
        self._tokens = tokens

    def add_to(self, routes: Routes) -> None:
        """Add these calls."""
        routes.add("GET", "/administrator", "administrator", self._administrator)
        routes.add("PUT", "/administrator", "administrator", self._set_roles)
        routes.add("POST", "/administrator/token", "administrator_token", self._token)
        routes.add("GET", "/identity", "identity", self._identity)

    def _administrator(self, _: Call) -> Answer:
        person = self._all.administrator
        return Answer(200, {"id": person.id, "roles": list(person.roles)})

    def _set_roles(self, call: Call) -> Answer:
        roles = read_body(AdministratorRoles, call).roles
        for name in roles:
            if name not in ROLE_BY_NAME:
                raise ControlError("roles", f"There is no directory role {name!r}.")
        self._all.administrator.roles = tuple(roles)
        return self._administrator(call)

    def _token(self, call: Call) -> Answer:
        resource = read_body(TokenRequest, call).resource
        token, expires = self._tokens.issue(resource, self._all.administrator.claims())
        return Answer(
            200,
            {
                "accessToken": token,
                "expires_on": expires,
                "subscription": self._tenant.id,
                "tenant": self._tenant.id,
                "tokenType": "Bearer",
            },
        )

    def _identity(self, _: Call) -> Answer:
        identity = self._all.identity
        roles = [each for each in self._all.roles if each.principal_id == identity.id]
        return Answer(
            200,
            {
                "principalId": identity.id,
                "clientId": identity.app_id,
                "displayName": identity.name,
                "permissions": self._all.permissions(identity),
                "registration": self._all.registration.app_id,
                "roles": sorted(ROLE_BY_ID[each.role_id].name for each in roles),
            },
        )
