"""Rights of a caller, as its token states them.

Sources: the "Permissions" section of each call's page below https://learn.microsoft.com/graph/api/, and
"Access token claims reference" (learn.microsoft.com/entra/identity-platform): `roles` of an app,
`wids` of whoever holds directory roles.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from local.tenant.errors import GraphError
from local.tenant.identity.permissions import ROLE_BY_ID

Alternatives = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person or an app, with directory roles (names) and application permissions."""

    is_app: bool
    roles: frozenset[str]
    permissions: frozenset[str]


def read_caller(claims: Mapping[str, object]) -> Caller:
    """Read the caller from a token's claims."""
    wids, permissions = claims.get("wids"), claims.get("roles")
    return Caller(
        is_app=claims.get("idtyp") == "app",
        roles=frozenset(
            ROLE_BY_ID[str(wid)].name
            for wid in (wids if isinstance(wids, list) else [])
            if str(wid) in ROLE_BY_ID
        ),
        permissions=frozenset(
            str(name) for name in (permissions if isinstance(permissions, list) else [])
        ),
    )


def denied() -> GraphError:
    """The refusal of a caller without the right."""
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def need(caller: Caller | None, *, roles: frozenset[str] | None, permissions: set[str]) -> None:
    """Raise GraphError 403 unless a person has one of the roles, an app one of the permissions.

    roles: None when every signed-in person may.
    """
    if caller is None:
        raise denied()
    if caller.is_app and not caller.permissions & permissions:
        raise denied()
    if not caller.is_app and roles is not None and not caller.roles & roles:
        raise denied()


MANAGE_ROLES = frozenset({"Privileged Role Administrator", "Global Administrator"})
"""Who assigns directory roles and Graph's application permissions."""

READ_ROLES = MANAGE_ROLES | {"Directory Readers", "Global Reader"}
MANAGE_APPS = MANAGE_ROLES | {"Application Administrator", "Cloud Application Administrator"}

_DIRECTORY = (frozenset({"Directory.Read.All"}), frozenset({"Directory.ReadWrite.All"}))
_USERS: Alternatives = (
    *_DIRECTORY,
    frozenset({"User.Read.All"}),
    frozenset({"User.ReadWrite.All"}),
)
_GROUPS: Alternatives = (
    *_DIRECTORY,
    frozenset({"GroupMember.Read.All"}),
    frozenset({"Group.Read.All"}),
)
_USERS_AND_GROUPS: Alternatives = (
    *_DIRECTORY,
    *(
        frozenset({user, group})
        for user in ("User.Read.All", "User.ReadWrite.All")
        for group in ("GroupMember.Read.All", "Group.Read.All")
    ),
)
_LICENSES: Alternatives = (
    frozenset({"LicenseAssignment.ReadWrite.All"}),
    frozenset({"User.ReadWrite.All"}),
    frozenset({"Directory.ReadWrite.All"}),
)
OF_AN_APP: Mapping[str, Alternatives] = {
    **dict.fromkeys(("list_users", "get_user", "count_users", "users_delta"), _USERS),
    **dict.fromkeys(("create_subscription", "renew_subscription", "delete_subscription"), _USERS),
    # A caller sees its own subscriptions only, and needs no more for it than for making them.
    **dict.fromkeys(("list_subscriptions", "get_subscription"), _USERS),
    "group_members": _GROUPS,
    "get_group": _GROUPS,
    "check_groups": _USERS_AND_GROUPS,
    "reprocess_license": _LICENSES,
    **dict.fromkeys(
        ("list_configurations", "get_configuration"),
        (frozenset({"TeamsUserConfiguration.Read.All"}),),
    ),
    **dict.fromkeys(
        ("create_snapshot", "get_snapshot_job", "get_snapshot"),
        (frozenset({"ConfigurationMonitoring.ReadWrite.All"}),),
    ),
}
"""By operation: sets of application permissions, one of which an app needs whole. What is not here no
app may do where the tenant enforces permissions; what has a check of its own is in `CHECKS_ITSELF`."""

CHECKS_ITSELF = frozenset(
    {
        "batch",
        "get_principal",
        "list_app_roles",
        "grant_app_role",
        "revoke_app_role",
        "get_application",
        "update_application",
        "list_federated_credentials",
        "create_federated_credential",
    }
    | {"role_definitions", "list_role_assignments", "assign_role", "unknown"}
)

TEAMS_ROLES = frozenset(
    {"Teams Administrator", "Teams Communications Administrator", "Global Administrator"}
)
"""Directory roles that may read and set conferencing users; ours: nobody publishes the list."""


def may_call(caller: Caller | None, operation: str) -> bool:
    """Whether the caller may do a Graph operation. A person may call everything here."""
    if operation in CHECKS_ITSELF or (caller is not None and not caller.is_app):
        return True
    held = caller.permissions if caller else frozenset()
    return any(needed <= held for needed in OF_AN_APP.get(operation, ()))
