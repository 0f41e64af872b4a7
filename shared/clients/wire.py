"""Every HTTP call the system makes, in one place, with how sure we are of it.

A person with a live tenant corrects a row here in a minute; `docs/wire.md` shows the same table and
a test compares both with what the clients really send.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from shared.settings.settings import Cloud


class Evidence(StrEnum):
    """Where a call's form comes from."""

    DOCUMENTED = "D"
    """Documented by Microsoft."""
    CONFIRMED = "C"
    """Seen in a public client of the same API that was tested live."""
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
        """Return the path with every identifier put in, percent-encoded."""
        return self.template.format(**{name: quote(value, safe="") for name, value in ids.items()})

    def __str__(self) -> str:
        """Return verb and template: the name in errors and logs, free of identifiers."""
        return f"{self.method} {self.template}"


LIST_USERS: Final = Call("GET", "/v1.0/users", Evidence.DOCUMENTED, "who is licensed and no room")
BATCH: Final = Call(
    "POST", "/v1.0/$batch", Evidence.DOCUMENTED, "the license of up to 20 users, by id or address"
)
CHECK_GROUPS: Final = Call(
    "POST",
    "/v1.0/users/{id}/checkMemberGroups",
    Evidence.DOCUMENTED,
    "in a batch: which of the groups that the settings name a user is in",
)
GET_GROUP: Final = Call(
    "GET",
    "/v1.0/groups/{id}",
    Evidence.DOCUMENTED,
    "in a batch: whether an excluded group exists and shows its members",
)
GROUP_MEMBERS: Final = Call(
    "GET",
    "/v1.0/groups/{id}/transitiveMembers/microsoft.graph.user",
    Evidence.DOCUMENTED,
    "the members of a group that the settings name, for the sweep",
)
CREATE_SUBSCRIPTION: Final = Call(
    "POST", "/v1.0/subscriptions", Evidence.DOCUMENTED, "subscribe to changes of users"
)
RENEW_SUBSCRIPTION: Final = Call(
    "PATCH", "/v1.0/subscriptions/{id}", Evidence.DOCUMENTED, "keep the subscription alive"
)
LIST_SUBSCRIPTIONS: Final = Call(
    "GET", "/v1.0/subscriptions", Evidence.DOCUMENTED, "which subscriptions the app has"
)
DELETE_SUBSCRIPTION: Final = Call(
    "DELETE",
    "/v1.0/subscriptions/{id}",
    Evidence.DOCUMENTED,
    "end a subscription that was replaced",
)
DELTA: Final = Call(
    "GET", "/v1.0/users/delta", Evidence.DOCUMENTED, "whose plans changed since last"
)
REPROCESS: Final = Call(
    "POST",
    "/v1.0/users/{id}/reprocessLicenseAssignment",
    Evidence.DOCUMENTED,
    "after the grace period, once, where the settings permit",
)

DISCOVER: Final = Call(
    "GET", "/Teams.Tenant/serviceDiscovery", Evidence.CONFIRMED, "which region serves the tenant"
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
    "enable a user, or give another default number",
)
REPLACE_PROVIDER: Final = Call(
    "PUT", "/Teams.Cpc/users/{id}", Evidence.OWN, "with `replaceProvider`: replace a third party"
)

LIST_PROVIDERS: Final = Call(
    "GET", "/Teams.Cpc/providers", Evidence.OWN, "the third-party providers that the tenant knows"
)
LIST_BRIDGES: Final = Call(
    "GET", "/Teams.Cpc/bridges/", Evidence.CONFIRMED, "which numbers a user can be given"
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
    CHECK_GROUPS,
    GET_GROUP,
    GROUP_MEMBERS,
    CREATE_SUBSCRIPTION,
    LIST_SUBSCRIPTIONS,
    RENEW_SUBSCRIPTION,
    DELETE_SUBSCRIPTION,
    DELTA,
    REPROCESS,
    DISCOVER,
    LIST_TEAMS_USERS,
    GET_TEAMS_USER,
    SET_USER,
    REPLACE_PROVIDER,
    LIST_PROVIDERS,
    LIST_BRIDGES,
    TENANT_SETTINGS,
)

TEAMS_AUDIENCE: Final = "48ac35b8-9aa8-4d74-927d-1f4a14a0b239"
"""The resource a token for the Teams admin API is asked for, in every cloud."""

USER_FIELDS: Final = ",".join(
    (
        "objectId",
        "userPrincipalName",
        "accountType",
        "featureTypes",
        "usageLocation",
        "softDeletionTimestamp",
        "acpInfo",
    )
)
"""What is selected of a Teams user."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Origins of the services of one cloud, and the resource to ask Graph tokens for."""

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
