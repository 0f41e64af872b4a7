"""Table of every HTTP call the system makes, with the evidence for it.

If a live tenant differs, correct the row here. `docs/wire.md` shows the same table, and a test
compares both with the requests that the clients really send.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from shared.settings.settings import Cloud


class Evidence(StrEnum):
    """The evidence for the form of a call."""

    DOCUMENTED = "D"
    """Documented by Microsoft."""
    CONFIRMED = "C"
    """Confirmed in a public client of the same API that was tested live."""
    MODULE = "M"
    """Confirmed by the text of Microsoft's own module (parameters, paths, models), not live."""
    INFERRED = "F"
    """The fields are public; verb or address are inferred by analogy."""
    OWN = "O"
    """Microsoft retired the operation; only the simulated tenant offers it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: verb, path below the service's origin (`{id}` stands for a user), and its source."""

    method: str
    template: str
    sure: Evidence
    use: str

    def path(self, **ids: str) -> str:
        """Return the path with every identifier filled in, percent-encoded."""
        return self.template.format(**{name: quote(value, safe="") for name, value in ids.items()})

    def __str__(self) -> str:
        """Return verb and template: the name in errors and logs, free of identifiers."""
        return f"{self.method} {self.template}"


LIST_USERS: Final = Call(
    "GET", "/v1.0/users", Evidence.DOCUMENTED, "licensed users who are not rooms"
)
BATCH: Final = Call(
    "POST", "/v1.0/$batch", Evidence.DOCUMENTED, "the license of up to 20 users, by id or address"
)
FIND_USERS: Final = Call(
    "GET",
    "/v1.0/users",
    Evidence.DOCUMENTED,
    "in a batch: the users with a SIP, mail or proxy address that is nobody's user name",
)
CHECK_GROUPS: Final = Call(
    "POST",
    "/v1.0/users/{id}/checkMemberGroups",
    Evidence.DOCUMENTED,
    "in a batch: which of the groups in the settings a user belongs to",
)
GET_GROUP: Final = Call(
    "GET",
    "/v1.0/groups/{id}",
    Evidence.DOCUMENTED,
    "in a batch: whether an excluded group exists and its members are visible",
)
GROUP_MEMBERS: Final = Call(
    "GET",
    "/v1.0/groups/{id}/transitiveMembers/microsoft.graph.user",
    Evidence.DOCUMENTED,
    "the members of a group in the settings, for the sweep",
)
CREATE_SUBSCRIPTION: Final = Call(
    "POST", "/v1.0/subscriptions", Evidence.DOCUMENTED, "subscribe to changes of users"
)
RENEW_SUBSCRIPTION: Final = Call(
    "PATCH", "/v1.0/subscriptions/{id}", Evidence.DOCUMENTED, "renew the subscription"
)
LIST_SUBSCRIPTIONS: Final = Call(
    "GET", "/v1.0/subscriptions", Evidence.DOCUMENTED, "the app's subscriptions"
)
DELETE_SUBSCRIPTION: Final = Call(
    "DELETE",
    "/v1.0/subscriptions/{id}",
    Evidence.DOCUMENTED,
    "delete a subscription that was replaced",
)
DELTA: Final = Call(
    "GET", "/v1.0/users/delta", Evidence.DOCUMENTED, "users whose plans changed since the last call"
)
REPROCESS: Final = Call(
    "POST",
    "/v1.0/users/{id}/reprocessLicenseAssignment",
    Evidence.DOCUMENTED,
    "once after the grace period, if the settings permit it",
)

LIST_CONFIGURATIONS: Final = Call(
    "GET",
    "/v1.0/admin/teams/userConfigurations",
    Evidence.DOCUMENTED,
    "documented mode: all users of Teams with account type and features, page by page",
)
GET_CONFIGURATION: Final = Call(
    "GET",
    "/v1.0/admin/teams/userConfigurations/{id}",
    Evidence.DOCUMENTED,
    "documented mode, in a batch: whether up to 20 users are provisioned",
)
CREATE_SNAPSHOT: Final = Call(
    "POST",
    "/v1.0/admin/configurationManagement/configurationSnapshots/createSnapshot",
    Evidence.DOCUMENTED,
    "documented mode, where permitted: begin to read the tenant's conferencing settings, once a day",
)
GET_SNAPSHOT_JOB: Final = Call(
    "GET",
    "/v1.0/admin/configurationManagement/configurationSnapshotJobs/{id}",
    Evidence.DOCUMENTED,
    "whether that has ended, and where the result is",
)
GET_SNAPSHOT: Final = Call(
    "GET",
    "/v1.0/admin/configurationManagement/configurationSnapshots/{id}",
    Evidence.DOCUMENTED,
    "the tenant's conferencing settings",
)

DISCOVER: Final = Call(
    "GET", "/Teams.Tenant/serviceDiscovery", Evidence.CONFIRMED, "the tenant's region"
)
LIST_TEAMS_USERS: Final = Call(
    "GET", "/Teams.User/users", Evidence.INFERRED, "all users with their provider, page by page"
)
GET_TEAMS_USER: Final = Call(
    "GET", "/Teams.User/users/{id}", Evidence.INFERRED, "one user's provider entries"
)
SET_USER: Final = Call(
    "PUT",
    "/Teams.Cpc/users/{id}",
    Evidence.INFERRED,
    "enable a user, or assign another default number",
)
REPLACE_PROVIDER: Final = Call(
    "PUT", "/Teams.Cpc/users/{id}", Evidence.OWN, "with `replaceProvider`: replace a third party"
)
GET_CONFERENCING_USER: Final = Call(
    "GET",
    "/Teams.Cpc/users/{id}",
    Evidence.MODULE,
    "conference ID, numbers and bridge of a user on Microsoft, before they are replaced",
)

LIST_PROVIDERS: Final = Call(
    "GET", "/Teams.Cpc/providers", Evidence.OWN, "the tenant's third-party providers"
)
LIST_BRIDGES: Final = Call(
    "GET", "/Teams.Cpc/bridges/", Evidence.CONFIRMED, "the numbers that can be assigned"
)
TENANT_SETTINGS: Final = Call(
    "GET",
    "/Skype.Policy/configurations/OnlineDialInConferencingTenantSettings",
    Evidence.CONFIRMED,
    "side effects of a change: mails, meetings sent again, automatic replacement",
)

CALLS: Final = (
    LIST_USERS,
    BATCH,
    FIND_USERS,
    CHECK_GROUPS,
    GET_GROUP,
    GROUP_MEMBERS,
    CREATE_SUBSCRIPTION,
    LIST_SUBSCRIPTIONS,
    RENEW_SUBSCRIPTION,
    DELETE_SUBSCRIPTION,
    DELTA,
    REPROCESS,
    LIST_CONFIGURATIONS,
    GET_CONFIGURATION,
    CREATE_SNAPSHOT,
    GET_SNAPSHOT_JOB,
    GET_SNAPSHOT,
    DISCOVER,
    LIST_TEAMS_USERS,
    GET_TEAMS_USER,
    SET_USER,
    REPLACE_PROVIDER,
    GET_CONFERENCING_USER,
    LIST_PROVIDERS,
    LIST_BRIDGES,
    TENANT_SETTINGS,
)


def constant_of(call: Call) -> str:
    """Return where a person corrects a call: this module and its constant; else verb and template."""
    names = (name for name, value in globals().items() if value is call)
    return next((f"shared/clients/wire.py: {name}" for name in names), str(call))


TEAMS_AUDIENCE: Final = "48ac35b8-9aa8-4d74-927d-1f4a14a0b239"
"""The resource for tokens of the Teams admin API, in every cloud."""

USER_FIELDS: Final = ",".join(
    (
        "objectId",
        "userPrincipalName",
        "displayName",
        "accountType",
        "featureTypes",
        "usageLocation",
        "softDeletionTimestamp",
        "acpInfo",
    )
)
"""The selected fields of a Teams user."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The services' origins in one cloud, and the resource for Graph tokens."""

    graph: str
    teams: str
    sign_in: str

    @property
    def graph_audience(self) -> str:
        """Graph's resource is its own origin."""
        return self.graph


CLOUDS: Final = {
    Cloud.PUBLIC: Endpoints(
        "https://graph.microsoft.com",
        "https://api.interfaces.records.teams.microsoft.com",
        "https://login.microsoftonline.com",
    ),
    Cloud.GCC_HIGH: Endpoints(
        "https://graph.microsoft.us",
        "https://api.interfaces.records.gov.teams.microsoft.us",
        "https://login.microsoftonline.us",
    ),
    Cloud.DOD: Endpoints(
        "https://dod-graph.microsoft.us",
        "https://api.interfaces.records.dod.teams.microsoft.us",
        "https://login.microsoftonline.us",
    ),
    Cloud.CHINA: Endpoints(
        "https://microsoftgraph.chinacloudapi.cn",
        "https://api.interfaces.records.teams.microsoftonline.cn",
        "https://login.partner.microsoftonline.cn",
    ),
}
"""Graph: "National cloud deployments" (learn.microsoft.com/graph/deployments). Sign-in: "Microsoft
Entra authentication and national clouds". Teams: confirmed in
public clients of the same API; Microsoft does not document them."""
