"""The principals of the tenant and their grants: the app's identity, Graph itself, an administrator."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from local.tenant.identity.permissions import APP_ROLE_BY_ID, GRAPH_APP_ID, ROLE_BY_NAME

Claims = dict[str, object]


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An application's or a managed identity's account in the tenant."""

    id: str
    app_id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class AppRoleAssignment:
    """An application permission that a principal was given."""

    id: str
    principal_id: str
    resource_id: str
    app_role_id: str
    at: float


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A directory role that a principal was given, `scope` `/` for the whole tenant."""

    id: str
    principal_id: str
    role_id: str
    scope: str


@dataclass(slots=True)
class Administrator:
    """The person who signs in; `roles` are names of directory roles."""

    id: str
    roles: tuple[str, ...] = ("Global Administrator",)

    def claims(self) -> Claims:
        """Claims of this person's tokens besides the usual ones."""
        wids = [ROLE_BY_NAME[name].id for name in self.roles]
        return {"oid": self.id, "idtyp": "user", "wids": wids, "scp": "Directory.AccessAsUser.All"}


@dataclass(slots=True)
class Registration:
    """An app registration; `redirects`, `roles` and `trusted` as Graph shows them."""

    id: str
    app_id: str
    redirects: list[str] = field(default_factory=list)
    id_tokens: bool = False
    roles: list[Claims] = field(default_factory=list)
    trusted: list[Claims] = field(default_factory=list)


@dataclass(slots=True)
class Principals:
    """The service principals of the tenant and what they were given."""

    identity: ServicePrincipal
    graph: ServicePrincipal
    administrator: Administrator
    registration: Registration
    app_roles: list[AppRoleAssignment] = field(default_factory=list)
    roles: list[RoleAssignment] = field(default_factory=list)

    def find(self, key: str) -> ServicePrincipal | None:
        """The service principal with that object id."""
        return next((each for each in (self.identity, self.graph) if each.id == key.lower()), None)

    def by_app(self, app_id: str) -> ServicePrincipal | None:
        """The service principal with that application (client) id."""
        return next(
            (each for each in (self.identity, self.graph) if each.app_id == app_id.lower()), None
        )

    def permissions(self, principal: ServicePrincipal) -> list[str]:
        """The names of the Graph permissions that it was given."""
        return sorted(
            APP_ROLE_BY_ID[each.app_role_id].value
            for each in self.app_roles
            if each.principal_id == principal.id and each.resource_id == self.graph.id
        )

    def identity_claims(self) -> Claims:
        """Claims of the app identity's tokens: permissions and roles as of now."""
        wids = [each.role_id for each in self.roles if each.principal_id == self.identity.id]
        return {
            "oid": self.identity.id,
            "idtyp": "app",
            "roles": self.permissions(self.identity),
            "wids": sorted(wids),
        }


def make_principals(app_id: str, account_id: str, ids: Iterator[str]) -> Principals:
    """The principals of a tenant's birth: the app's client id, the person's id, new GUIDs."""
    identity = ServicePrincipal(next(ids), app_id, "id-api-acp-mover", "ManagedIdentity")
    family = uuid.UUID(identity.id)
    return Principals(
        identity=identity,
        registration=Registration(
            str(uuid.uuid5(family, "application")), str(uuid.uuid5(family, "client"))
        ),
        graph=ServicePrincipal(next(ids), GRAPH_APP_ID, "Microsoft Graph", "Application"),
        administrator=Administrator(account_id),
    )
