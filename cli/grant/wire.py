"""The calls to Microsoft Graph that the grant makes, in the form of shared/clients/wire.py.

Separate, because the app itself never makes them: an administrator does, once. docs/wire.md shows
both tables.
"""

from typing import Final

from shared.clients.wire import Call, Evidence

GRAPH_APP_ID: Final = "00000003-0000-0000-c000-000000000000"
"""The application id of Microsoft Graph, the same in every tenant ("Verify first-party Microsoft
applications in sign-in reports")."""

PRINCIPAL: Final = Call(
    "GET", "/v1.0/servicePrincipals/{id}", Evidence.DOCUMENTED, "the managed identity, by object id"
)
PRINCIPAL_BY_APP: Final = Call(
    "GET",
    "/v1.0/servicePrincipals(appId='{app_id}')",
    Evidence.DOCUMENTED,
    "the managed identity by client id, and Microsoft Graph with its permissions",
)
APP_ROLES: Final = Call(
    "GET",
    "/v1.0/servicePrincipals/{id}/appRoleAssignments",
    Evidence.DOCUMENTED,
    "the identity's permissions",
)
GRANT: Final = Call(
    "POST",
    "/v1.0/servicePrincipals/{id}/appRoleAssignments",
    Evidence.DOCUMENTED,
    "grant a permission",
)
REVOKE: Final = Call(
    "DELETE",
    "/v1.0/servicePrincipals/{id}/appRoleAssignments/{assignment}",
    Evidence.DOCUMENTED,
    "with `--revoke`: revoke a permission",
)
ROLES: Final = Call(
    "GET",
    "/v1.0/roleManagement/directory/roleDefinitions",
    Evidence.DOCUMENTED,
    "the Entra roles by name",
)
ROLE_ASSIGNMENTS: Final = Call(
    "GET",
    "/v1.0/roleManagement/directory/roleAssignments",
    Evidence.DOCUMENTED,
    "the identity's Entra roles",
)
ASSIGN: Final = Call(
    "POST",
    "/v1.0/roleManagement/directory/roleAssignments",
    Evidence.DOCUMENTED,
    "assign the Entra role",
)
APPLICATION: Final = Call(
    "GET",
    "/v1.0/applications(appId='{app_id}')",
    Evidence.DOCUMENTED,
    "the app registration with which people sign in",
)
UPDATE_APPLICATION: Final = Call(
    "PATCH",
    "/v1.0/applications/{id}",
    Evidence.DOCUMENTED,
    "add the redirect address and the app roles",
)
FEDERATED: Final = Call(
    "GET",
    "/v1.0/applications/{id}/federatedIdentityCredentials",
    Evidence.DOCUMENTED,
    "the identities that the app registration trusts",
)
TRUST: Final = Call(
    "POST",
    "/v1.0/applications/{id}/federatedIdentityCredentials",
    Evidence.DOCUMENTED,
    "let the managed identity stand for a client secret",
)

GRANT_CALLS: Final = (
    PRINCIPAL,
    PRINCIPAL_BY_APP,
    APP_ROLES,
    GRANT,
    REVOKE,
    ROLES,
    ROLE_ASSIGNMENTS,
    ASSIGN,
    APPLICATION,
    UPDATE_APPLICATION,
    FEDERATED,
    TRUST,
)
