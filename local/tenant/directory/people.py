"""What the tenant knows of one user: the directory's part and the conferencing service's part."""

from dataclasses import dataclass, field
from enum import StrEnum

MICROSOFT = "Microsoft"
MICROSOFT_DOMAIN = "resources.lync.com"


class Kind(StrEnum):
    """Why a user is in the population: each value is a case the application must get right."""

    THIRD_PARTY = "third_party"
    """Licensed, the service has it, a third party is the provider: ready to move."""
    MICROSOFT = "microsoft"
    NO_PROVIDER = "no_provider"
    """Licensed, the service has it, but Microsoft was not set by itself."""
    PENDING = "pending"
    """Licensed a moment ago; the service does not have it yet."""
    UNLICENSED_THIRD_PARTY = "unlicensed_third_party"
    UNLICENSED = "unlicensed"
    SUSPENDED = "suspended"
    WARNING = "warning"
    LOCKED_OUT = "locked_out"
    PLAN_DISABLED = "plan_disabled"
    """The product is assigned, its conferencing plan is switched off: status Deleted."""
    ROOM = "room"
    RESOURCE = "resource"
    GUEST = "guest"
    ON_PREMISES = "on_premises"
    INELIGIBLE = "ineligible"
    SOFT_DELETED = "soft_deleted"
    """Not born with the tenant: made through Graph."""


_DEPARTMENTS = ("Sales", "Finance", "Research", "Legal", "Operations", None, "People")
_PEOPLE = frozenset(Kind) - {Kind.ROOM, Kind.RESOURCE, Kind.GUEST}

EXCLUDED_KINDS = frozenset(
    {Kind.ROOM, Kind.RESOURCE, Kind.GUEST, Kind.ON_PREMISES, Kind.INELIGIBLE, Kind.SOFT_DELETED}
)


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One AcpInfo entry. Numbers are E.164 without the plus sign."""

    name: str
    domain: str
    toll_number: str
    toll_free_number: str | None
    passcode: str
    url: str
    default: bool

    def as_json(self) -> dict[str, object]:
        """The entry with the field names of the module's CloudAudioConferencingProviderInfo."""
        return {
            "default": self.default,
            "domain": self.domain,
            "name": self.name,
            "participantPassCode": self.passcode,
            "tollFreeNumber": self.toll_free_number,
            "tollNumber": self.toll_number,
            "url": self.url,
        }


@dataclass(frozen=True, slots=True)
class Grant:
    """One product assigned to a user; `status` is what its switched-on plans show in Graph."""

    disabled: frozenset[str] = frozenset()
    status: str = "Enabled"


@dataclass(frozen=True, slots=True)
class Conference:
    """A user's dial-in conferencing with Microsoft."""

    bridge_id: str
    conference_id: str
    number: str
    toll_free_number: str | None
    pin: str
    allow_toll_free: bool = True


@dataclass(slots=True)
class User:
    """One account. `plans` holds assignedPlans as Graph shows them, shared between users."""

    index: int
    id: str
    upn: str
    display_name: str
    given_name: str | None
    surname: str | None
    kind: Kind
    account_type: str
    user_type: str
    usage_location: str | None
    created: str
    mail: str | None = None
    sip: str | None = None
    aliases: tuple[str, ...] = ()
    """Further mail addresses."""
    nulls: bool = False
    """Whether Teams says null instead of an empty list."""
    account_enabled: bool = True
    grants: dict[str, Grant] = field(default_factory=dict)
    plans: tuple[dict[str, str], ...] = ()
    licensed: bool = False
    deleted_at: float | None = None
    purged: bool = False
    """When the Teams service learns of the account, seconds since 1970."""

    provisioned: bool = False
    takes: bool = True
    provisions: bool = True
    due: float | None = None
    """When the service acts on the last license change; None when it has nothing to do."""
    entries: tuple[ProviderEntry, ...] = ()
    original_entries: tuple[ProviderEntry, ...] = ()
    conference: Conference | None = None
    sets: int = 0
    mails: int = 0

    @property
    def default_entry(self) -> ProviderEntry | None:
        """The provider entry that decides: the one flagged default, else the first."""
        return next(
            (e for e in self.entries if e.default), self.entries[0] if self.entries else None
        )

    @property
    def department(self) -> str | None:
        """Where the person works; rooms and some people are in no department."""
        return _DEPARTMENTS[self.index % len(_DEPARTMENTS)] if self.kind in _PEOPLE else None

    @property
    def provider(self) -> str | None:
        """The name of the user's provider, None when there is none yet."""
        entry = self.default_entry
        return entry.name if entry else None

    @property
    def proxy_addresses(self) -> tuple[str, ...]:
        """All addresses as Exchange writes them: the primary one in capitals."""
        primary = (f"SMTP:{self.mail}",) if self.mail else ()
        return (
            *primary,
            *(f"smtp:{alias}" for alias in self.aliases),
            *((f"SIP:{self.sip}",) if self.sip else ()),
        )

    @property
    def included(self) -> bool:
        """False for accounts that must never be moved, whatever license they hold."""
        return self.kind not in EXCLUDED_KINDS and self.deleted_at is None
