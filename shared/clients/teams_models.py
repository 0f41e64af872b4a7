"""Models of the Teams admin API's answers.

Field names are those of the models in Microsoft's MicrosoftTeams PowerShell module; see
docs/wire.md for the evidence for each call.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple, Required, Self, TypedDict

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, with_config
from pydantic.alias_generators import to_camel, to_pascal
from pydantic.dataclasses import dataclass

from shared.clients.values import Guid
from shared.domain.bridges import BridgeNumber
from shared.domain.listing import Provider, TenantSwitches
from shared.domain.number_rules import digits_of
from shared.domain.user import AccountType, ConferencingUser, ProviderEntry, ServiceUser
from shared.text import is_canonical

CONFERENCING_FEATURES: Final = frozenset(
    {"audioconferencing", "conferencing_requirescommunicationcredits"}
)
"""Feature types, in small letters, of users whose conferencing is provisioned."""

_ROOM_FEATURES: Final = "teamsroom"
"""What the feature types of Teams Rooms begin with, in small letters."""

_KNOWN_FEATURES: Final = CONFERENCING_FEATURES | {
    *("teams", "phonesystem", "phonesystemvirtualuser", "callingplan", "communicationcredits"),
    *("domesticcallingplan", "internationalcallingplan", "teamspro", "unknownfuturevalue"),
}
"""Feature types that say nothing about conferencing; others are reported once a day."""

_ACCOUNT_TYPES: Final = {each.casefold(): each for each in AccountType}
"""Account types by name in small letters: clouds and APIs differ in their case."""


def _texts(items: object) -> object:
    """Return the texts of a list, and none for null."""
    return [each for each in items if isinstance(each, str)] if isinstance(items, list) else ()


Features = Annotated[
    tuple[str, ...] | Annotated[tuple[str, ...], BeforeValidator(_texts)],
    Field(union_mode="left_to_right"),
]
"""Feature types: what of a list is a text."""


class Account(NamedTuple):
    """What account type and features say of a user. type_name: the service's word for an unknown type."""

    kind: AccountType
    type_name: str
    ready: bool
    is_room: bool

    @classmethod
    def of(cls, account_type: str | None, features: tuple[str, ...]) -> Self:
        """Read the account type and the feature types as a service names them."""
        name, known = account_type or "", [each.casefold() for each in features]
        kind = _ACCOUNT_TYPES.get(name.casefold(), AccountType.UNKNOWN)
        return cls(
            kind,
            name[:64] if kind is AccountType.UNKNOWN else "",
            not CONFERENCING_FEATURES.isdisjoint(known),
            any(each.startswith(_ROOM_FEATURES) for each in known),
        )


def unknown(features: tuple[str, ...]) -> tuple[str, ...]:
    """Return the features that this version does not know."""
    names = ((each, each.casefold()) for each in features)
    return tuple(
        each[:64]
        for each, name in names
        if name not in _KNOWN_FEATURES and not name.startswith(_ROOM_FEATURES)
    )


_ON_THE_WIRE: Final = ConfigDict(
    alias_generator=to_camel, extra="ignore", hide_input_in_errors=True
)


class TeamsModel(BaseModel):
    """Camel case on the wire; unknown fields are accepted, missing ones rejected."""

    model_config = ConfigDict(frozen=True, **_ON_THE_WIRE)


@with_config(ConfigDict(extra="allow"))
class AcpInfo(TypedDict, total=False):
    """A complete provider entry by the names on the wire, so that no unknown field takes another's place.

    Unknown fields are kept, because they cannot be recovered.
    """

    default: Required[bool]
    name: Required[str]
    domain: str | None
    tollNumber: str | None
    tollFreeNumber: str | None
    participantPassCode: str | None
    url: str | None


_KNOWN: Final = AcpInfo.__required_keys__ | AcpInfo.__optional_keys__


def _entry(info: AcpInfo) -> ProviderEntry:
    """Return a provider entry as a domain type."""
    other = ""
    if not info.keys() <= _KNOWN:
        unknown_fields = {name: value for name, value in info.items() if name not in _KNOWN}
        other = json.dumps(unknown_fields, sort_keys=True)
    return ProviderEntry(
        name=info["name"],
        domain=info.get("domain") or "",
        toll_number=info.get("tollNumber") or "",
        toll_free_number=info.get("tollFreeNumber") or "",
        passcode=info.get("participantPassCode") or "",
        url=info.get("url") or "",
        default=info["default"],
        other=other,
    )


@dataclass(slots=True, config=_ON_THE_WIRE)
class TeamsUser:
    """One user as Get-CsOnlineUser reports it. No model: a listing makes one per user, for half of the time.

    acp_info: None when the service does not say, see docs/wire.md. It is excluded from `repr`.
    """

    object_id: Guid
    user_principal_name: str
    account_type: str | None
    display_name: str | None = None
    feature_types: Features = ()
    usage_location: str | None = None
    soft_deletion_timestamp: str | None = None
    acp_info: list[AcpInfo] | None = Field(default=None, repr=False)

    def to_domain(
        self, *, provider_known: bool = True, account: Account | None = None
    ) -> ServiceUser:
        """Return the service's view of the user.

        provider_known: whether the service tells providers. account: what is known of such users.
        """
        its = account or Account.of(self.account_type, self.feature_types)
        return ServiceUser(
            id=self.object_id,
            upn=self.user_principal_name,
            account_type=its.kind,
            ready=its.ready,
            entries=tuple([_entry(info) for info in self.acp_info or ()]),
            soft_deleted=self.soft_deletion_timestamp is not None,
            usage_location=self.usage_location or None,
            name=self.display_name or "",
            type_name=its.type_name,
            is_room=its.is_room,
            provider_known=provider_known or self.acp_info is not None,
        )

    @staticmethod
    def all_to_domain(users: Sequence["TeamsUser"], *, provider_known: bool) -> list[ServiceUser]:
        """Return the users of a page: what equal types and features say is read once for all of them."""
        known: dict[tuple[str | None, tuple[str, ...]], Account] = {}
        found = []
        for user in users:
            key = user.account_type, user.feature_types
            if (account := known.get(key)) is None:
                account = known[key] = Account.of(*key)
            found.append(user.to_domain(provider_known=provider_known, account=account))
        return found


USER: Final = TypeAdapter(TeamsUser)


class CpcUser(TeamsModel):
    """One user as Get-CsOnlineDialInConferencingUser reports it, without the PIN."""

    identity: Guid
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


class Endpoints(TeamsModel):
    """The tenant's own endpoints in service discovery."""

    admin_service_endpoint: str = Field(
        alias="AdminServiceEndpoint", pattern=r"^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$"
    )


class DiscoveryHeaders(TeamsModel):
    """The part of service discovery that is sent back on every call."""

    forest: str = Field(alias="X-MS-Forest", pattern=r"^[A-Za-z0-9._-]{1,64}$")


class Discovery(TeamsModel):
    """The answer of service discovery."""

    endpoints: Endpoints = Field(alias="Endpoints")
    headers: DiscoveryHeaders = Field(alias="Headers")


PROVIDER: Final = TypeAdapter(Provider)
"""A third-party provider of the tenant; unknown fields are ignored."""


class ServiceNumber(TeamsModel):
    """A number of a bridge, in one of the forms `14255550100`, `+14255550100`, `tel:+14255550100`."""

    number: str
    type: str = ""
    city: Any = None
    primary_language: Any = None

    def to_domain(self, bridge: str) -> BridgeNumber:
        """Return the number in E.164 with the plus sign."""
        number = f"+{digits_of(self.number)}"
        return BridgeNumber(
            number,
            bridge,
            self.type.casefold() == "tollfree",
            city=self.city if isinstance(self.city, str) else "",
            language=self.primary_language if isinstance(self.primary_language, str) else "",
        )


NUMBER: Final = TypeAdapter(ServiceNumber)


class Bridge(TeamsModel):
    """A conference bridge with its numbers."""

    identity: str
    name: str = ""
    service_numbers: list[Any]


BRIDGE: Final = TypeAdapter(Bridge)


class SetAnswer(TeamsModel):
    """The answer to a set: whom it is about, if it says."""

    identity: str | None = None

    @classmethod
    def read(cls, body: bytes) -> str:
        """Return the user's id in small letters, "" when the answer does not say."""
        given = (cls.model_validate_json(body).identity or "").casefold() if body.strip() else ""
        return given if is_canonical(given) else ""


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
