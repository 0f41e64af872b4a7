"""The permissions that an app with these settings needs. Pure: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.settings.settings import Settings, TeamsApi

USERS: Final = "User.Read.All"
LICENSES: Final = "LicenseAssignment.ReadWrite.All"
GROUPS: Final = "GroupMember.Read.All"
CONFIGURATIONS: Final = "TeamsUserConfiguration.Read.All"
SNAPSHOTS: Final = "ConfigurationMonitoring.ReadWrite.All"

RELEVANT: Final = (
    "ACP_TENANT_ID",
    "ACP_CLOUD",
    "ACP_TEAMS_API",
    "ACP_GRAPH_URL",
    "ACP_REPROCESS_LICENSES",
    "ACP_EXCLUDED_GROUPS",
    "ACP_NUMBER_RULES",
    "ACP_SIGN_IN_CLIENT_ID",
    "ACP_SIGN_IN_URL",
    "ACP_REQUEST_TIMEOUT",
)
"""The app settings that the grant reads."""

DECISIVE: Final = (
    "ACP_TEAMS_API",
    "ACP_REPROCESS_LICENSES",
    "ACP_EXCLUDED_GROUPS",
    "ACP_NUMBER_RULES",
)
"""The settings that determine which permissions are needed."""


@dataclass(frozen=True, slots=True)
class Need:
    """A Graph application permission by name, and its purpose; an optional one is not granted, only kept."""

    permission: str
    why: str
    optional: bool = False


def needed(settings: Settings) -> tuple[Need, ...]:
    """Return the application permissions that an app with these settings needs, and no others.

    Sources, least privileged application permission of each page: "List users", "user: delta",
    "Create subscription" (users); "user: reprocessLicenseAssignment"; "user: checkMemberGroups",
    "Get group" and "List group transitive members"; "List userConfigurations"; "createSnapshot".
    """
    needs = [Need(USERS, "licenses, changes and notifications of users")]
    if is_documented(settings):
        needs.append(Need(CONFIGURATIONS, "ACP_TEAMS_API is documented: who is provisioned"))
        needs.append(Need(SNAPSHOTS, "the tenant's mail and meeting settings", optional=True))
    if settings.reprocess_licenses:
        needs.append(Need(LICENSES, "ACP_REPROCESS_LICENSES is true"))
    naming = [
        name
        for name, is_set in {
            "ACP_EXCLUDED_GROUPS": bool(settings.excluded_groups),
            "ACP_INCLUDED_GROUPS": bool(settings.included_groups),
            "ACP_NUMBER_RULES": bool(settings.number_rules.by_group),
        }.items()
        if is_set
    ]
    if naming:
        verb = "names" if len(naming) == 1 else "name"
        needs.append(Need(GROUPS, f"{' and '.join(naming)} {verb} groups"))
    return tuple(needs)


def is_documented(settings: Settings) -> bool:
    """Return whether the app makes documented calls alone, for which no Entra role is needed."""
    return settings.teams_api is TeamsApi.DOCUMENTED


def read_settings(environment: Mapping[str, str], tenant: str) -> Settings:
    """Return the settings that determine the needs, for the tenant; the others have their defaults.

    SettingsError: one of them is malformed. The storage settings are not needed.
    """
    given = {name: environment[name] for name in RELEVANT if name in environment}
    stand_in = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    return Settings.from_environment({**given, "ACP_TENANT_ID": tenant, **stand_in})
