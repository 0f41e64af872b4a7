"""What can be granted: Graph's application permissions and Entra's directory roles, by their real ids.

Sources: "Microsoft Graph permissions reference" (learn.microsoft.com/graph/permissions-reference) and
"Microsoft Entra built-in roles" (learn.microsoft.com/entra/identity/role-based-access-control/
permissions-reference). A choice of each: real tenants have hundreds of the first.
"""

from dataclasses import dataclass

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"


@dataclass(frozen=True, slots=True)
class AppRole:
    """An application permission of Graph; `value` is its name in tokens."""

    id: str
    value: str
    name: str

    def as_json(self) -> dict[str, object]:
        """The permission as `appRoles` of Graph's service principal shows it."""
        return {
            "allowedMemberTypes": ["Application"],
            "description": f"Allows the app to do this without a signed-in user: {self.name}.",
            "displayName": self.name,
            "id": self.id,
            "isEnabled": True,
            "origin": "Application",
            "value": self.value,
        }


@dataclass(frozen=True, slots=True)
class DirectoryRole:
    """A built-in directory role: its definition and its template have the same id."""

    id: str
    name: str

    def as_json(self) -> dict[str, object]:
        """The role as `roleDefinitions` shows it."""
        return {
            "id": self.id,
            "description": f"{self.name}, a built-in role.",
            "displayName": self.name,
            "isBuiltIn": True,
            "isEnabled": True,
            "resourceScopes": ["/"],
            "rolePermissions": [],
            "templateId": self.id,
            "version": "1",
        }


APP_ROLES = (
    AppRole(
        "df021288-bdef-4463-88db-98f22de89214", "User.Read.All", "Read all users' full profiles"
    ),
    AppRole(
        "741f803b-c850-494e-b5df-cde7c675a1ca", "User.ReadWrite.All", "Read and write all users"
    ),
    AppRole("98830695-27a2-44f7-8c18-0c3ebc9698f6", "GroupMember.Read.All", "Read memberships"),
    AppRole("5b567255-7703-4780-807c-7be8301ae99b", "Group.Read.All", "Read all groups"),
    AppRole(
        "5facf0c1-8979-4e95-abcf-ff3d079771c0",
        "LicenseAssignment.ReadWrite.All",
        "Manage all license assignments",
    ),
    AppRole("7ab1d382-f21e-4acd-a863-ba3e13f7da61", "Directory.Read.All", "Read directory data"),
    AppRole(
        "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
        "Directory.ReadWrite.All",
        "Read and write directory data",
    ),
    AppRole("9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30", "Application.Read.All", "Read applications"),
    AppRole(
        "06b708a9-e830-4db3-a914-8e69da51d44f",
        "AppRoleAssignment.ReadWrite.All",
        "Manage permission grants and app role assignments",
    ),
    AppRole(
        "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
        "RoleManagement.ReadWrite.Directory",
        "Read and write all directory RBAC settings",
    ),
    AppRole("b633e1c5-b582-4048-a93e-9f11b44c7e96", "Mail.Send", "Send mail as any user"),
    AppRole(
        "a91eadaf-2c3c-4362-908b-fb172d208fc6",
        "TeamsUserConfiguration.Read.All",
        "Read Teams user configurations",
    ),
    AppRole(
        "00000000-0000-4000-8000-00000c0f1600",  # ours: the real one was not at hand
        "ConfigurationMonitoring.ReadWrite.All",
        "Read and write all configuration monitoring entities",
    ),
)

DIRECTORY_ROLES = (
    DirectoryRole("62e90394-69f5-4237-9190-012177145e10", "Global Administrator"),
    DirectoryRole("e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator"),
    DirectoryRole("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator"),
    DirectoryRole("158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator"),
    DirectoryRole("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"),
    DirectoryRole("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader"),
    DirectoryRole("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers"),
    DirectoryRole("69091246-20e8-4a56-aa4d-066075b2a7a8", "Teams Administrator"),
    DirectoryRole("baf37b3a-610e-45da-9e62-d9d1e5e8914b", "Teams Communications Administrator"),
    DirectoryRole("f70938a0-fc10-4177-9e90-2178f8765737", "Teams Communications Support Engineer"),
)

APP_ROLE_BY_ID = {role.id: role for role in APP_ROLES}
ROLE_BY_ID = {role.id: role for role in DIRECTORY_ROLES}
ROLE_BY_NAME = {role.name: role for role in DIRECTORY_ROLES}
