"""Models of the Teams admin API's answers.

Field names are those of the models in Microsoft's MicrosoftTeams PowerShell module; see
docs/wire.md for the evidence for each call.
"""

import json
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel, to_pascal

from shared.clients.http import describe
from shared.domain.bridges import BridgeNumber
from shared.domain.listing import Provider, TeamsPage, TenantSwitches
from shared.domain.user import AccountType, ConferencingUser, ProviderEntry, ServiceUser

CONFERENCING_FEATURE = "AudioConferencing"
"""The feature type of users whose conferencing is provisioned."""


class TeamsModel(BaseModel):
    """Camel case on the wire; unknown fields are accepted, missing ones rejected."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class AcpInfo(TeamsModel):
    """A complete provider entry: unknown fields are kept, because they cannot be recovered.

    The passcode and the unknown fields are excluded from `repr`.
    """

    model_config = ConfigDict(extra="allow")

    default: bool
    name: str
    domain: str = ""
    toll_number: str | None = None
    toll_free_number: str | None = None
    participant_pass_code: str | None = Field(None, repr=False)
    url: str | None = None

    def __repr__(self) -> str:
        return f"AcpInfo({self.name!r})"

    def to_domain(self) -> ProviderEntry:
        """Return the entry as a domain type."""
        return ProviderEntry(
            name=self.name,
            domain=self.domain,
            toll_number=self.toll_number or "",
            toll_free_number=self.toll_free_number or "",
            passcode=self.participant_pass_code or "",
            url=self.url or "",
            default=self.default,
            other=json.dumps(self.model_extra, sort_keys=True) if self.model_extra else "",
        )


class TeamsUser(TeamsModel):
    """One user as Get-CsOnlineUser reports it."""

    object_id: Annotated[str, AfterValidator(lambda value: str(UUID(value)))]
    user_principal_name: str
    account_type: AccountType
    feature_types: list[str]
    usage_location: str | None = None
    soft_deletion_timestamp: str | None = None
    acp_info: list[AcpInfo]

    def to_domain(self) -> ServiceUser:
        """Return the service's view of the user."""
        return ServiceUser(
            id=self.object_id,
            upn=self.user_principal_name,
            account_type=self.account_type,
            ready=CONFERENCING_FEATURE in self.feature_types,
            entries=tuple(entry.to_domain() for entry in self.acp_info),
            soft_deleted=self.soft_deletion_timestamp is not None,
            usage_location=self.usage_location,
        )


class TeamsUserPage(TeamsModel):
    """One page of users; `NextLink` is absent or null on the last."""

    users: list[TeamsUser]
    next_link: str | None = Field(None, alias="NextLink")


class CpcUser(TeamsModel):
    """One user as Get-CsOnlineDialInConferencingUser reports it, without the PIN."""

    identity: Annotated[str, AfterValidator(lambda value: str(UUID(value)))]
    conference_id: Annotated[str, Field(min_length=1, repr=False)]
    bridge_id: Annotated[str, Field(min_length=1)]
    bridge_name: str | None = None
    service_number: str | None = None
    toll_free_service_number: str | None = None
    default_toll_number: str | None = None
    default_toll_free_number: str | None = None
    allow_toll_free_dial_in: bool | None = None

    def to_domain(self) -> ConferencingUser:
        """Return the conferencing user as a domain type."""
        return ConferencingUser(
            id=self.identity,
            conference_id=self.conference_id,
            bridge_id=self.bridge_id,
            bridge_name=self.bridge_name or "",
            toll_number=self.service_number or "",
            toll_free_number=self.toll_free_service_number or "",
            default_toll_number=self.default_toll_number or "",
            default_toll_free_number=self.default_toll_free_number or "",
            allow_toll_free=self.allow_toll_free_dial_in,
        )


class UncheckedPage(TeamsModel):
    """The same page with its users unparsed."""

    users: list[dict[str, Any]]
    next_link: str | None = Field(None, alias="NextLink")


def read_page(body: bytes) -> TeamsPage:
    """Return the page as domain types; one unreadable user does not affect the others."""
    try:
        page = TeamsUserPage.model_validate_json(body)
    except ValidationError:
        return _read_one_by_one(UncheckedPage.model_validate_json(body))
    return TeamsPage([user.to_domain() for user in page.users], page.next_link)


def _read_one_by_one(page: UncheckedPage) -> TeamsPage:
    users, faults = [], []
    for raw in page.users:
        try:
            users.append(TeamsUser.model_validate(raw).to_domain())
        except ValidationError as error:
            faults.append((str(raw.get("objectId", "")), describe(error)))
    return TeamsPage(users, page.next_link, faults)


class Endpoints(TeamsModel):
    """The tenant's own endpoints in service discovery."""

    admin_service_endpoint: str = Field(alias="AdminServiceEndpoint")


class DiscoveryHeaders(TeamsModel):
    """The part of service discovery that is sent back on every call."""

    forest: str = Field(alias="X-MS-Forest")


class Discovery(TeamsModel):
    """The answer of service discovery."""

    endpoints: Endpoints = Field(alias="Endpoints")
    headers: DiscoveryHeaders = Field(alias="Headers")


PROVIDERS = TypeAdapter(list[Provider])
"""The tenant's third-party providers; unknown fields are ignored."""


class ServiceNumber(TeamsModel):
    """A number of a bridge, in one of the forms `14255550100`, `+14255550100`, `tel:+14255550100`."""

    number: str
    type: str = ""

    def to_domain(self, bridge: str) -> BridgeNumber:
        """Return the number in E.164 with the plus sign."""
        number = "+" + self.number.removeprefix("tel:").lstrip("+")
        return BridgeNumber(number, bridge, self.type.casefold() == "tollfree")


class Bridge(TeamsModel):
    """A conference bridge with its numbers."""

    identity: str
    name: str = ""
    service_numbers: list[ServiceNumber]


BRIDGES = TypeAdapter(list[Bridge])


class ConferencingSettings(BaseModel):
    """The tenant-wide switches, named as in Set-CsOnlineDialInConferencingTenantSettings."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_pascal)

    automatically_replace_acp_provider: bool
    automatically_send_emails_to_users: bool
    automatically_migrate_user_meetings: bool

    def to_domain(self) -> TenantSwitches:
        """Return the switches as a domain type."""
        return TenantSwitches(
            replaces_provider=self.automatically_replace_acp_provider,
            sends_mail=self.automatically_send_emails_to_users,
            sends_meetings=self.automatically_migrate_user_meetings,
        )


SETTINGS = TypeAdapter(Annotated[list[ConferencingSettings], Field(min_length=1)])
"""A list, as for every configuration; the tenant has one, `Global`."""
