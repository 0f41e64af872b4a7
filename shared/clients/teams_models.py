"""Models of the Teams admin API's answers.

Field names are those of the models in Microsoft's MicrosoftTeams PowerShell module; see
docs/wire.md for the evidence for each call.
"""

import json
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel, to_pascal

from shared.clients.http import describe
from shared.domain.bridges import BridgeNumber
from shared.domain.listing import Provider, TeamsPage, TenantSwitches
from shared.domain.user import AccountType, ProviderEntry, ServiceUser

CONFERENCING_FEATURES: Final = frozenset(
    {"audioconferencing", "conferencing_requirescommunicationcredits"}
)
"""Feature types, in small letters, of users whose conferencing is provisioned."""

_ROOM_FEATURES: Final = "teamsroom"
"""What the feature types of Teams Rooms begin with, in small letters."""

_ACCOUNT_TYPES: Final = {each.casefold(): each for each in AccountType}
"""Account types by name in small letters: clouds and APIs differ in their case."""


def _texts(items: object) -> object:
    """Return the texts of a list, and none for null."""
    return [each for each in items if isinstance(each, str)] if isinstance(items, list) else []


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
    display_name: str | None = None
    account_type: str | None
    feature_types: Annotated[list[str], BeforeValidator(_texts)] = []
    usage_location: str | None = None
    soft_deletion_timestamp: str | None = None
    acp_info: list[AcpInfo] | None = None

    def to_domain(self) -> ServiceUser:
        """Return the service's view of the user."""
        type_name = self.account_type or ""
        account_type = _ACCOUNT_TYPES.get(type_name.casefold(), AccountType.UNKNOWN)
        features = [each.casefold() for each in self.feature_types]
        return ServiceUser(
            id=self.object_id,
            upn=self.user_principal_name,
            account_type=account_type,
            ready=not CONFERENCING_FEATURES.isdisjoint(features),
            entries=tuple(entry.to_domain() for entry in self.acp_info or ()),
            soft_deleted=self.soft_deletion_timestamp is not None,
            usage_location=self.usage_location,
            name=self.display_name or "",
            type_name=type_name[:64] if account_type is AccountType.UNKNOWN else "",
            is_room=any(each.startswith(_ROOM_FEATURES) for each in features),
        )


class TeamsUserPage(TeamsModel):
    """One page of users; `NextLink` is absent or null on the last."""

    users: list[TeamsUser]
    next_link: str | None = Field(None, alias="NextLink")


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
