"""A user in the directory (Graph) and in the service (Teams)."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.service_plans import CONFERENCING_PLANS
from shared.domain.value import value

MICROSOFT: Final = "Microsoft"
"""The name of Microsoft's own provider entry."""


class PlanStatus(StrEnum):
    """Graph's `capabilityStatus` of a service plan; only `ENABLED` counts as licensed."""

    ENABLED = "Enabled"
    WARNING = "Warning"
    SUSPENDED = "Suspended"
    DELETED = "Deleted"
    LOCKED_OUT = "LockedOut"


class AccountType(StrEnum):
    """Teams' `accountType` (documented for Get-CsOnlineUser)."""

    USER = "User"
    RESOURCE = "ResourceAccount"
    GUEST = "Guest"
    ON_PREMISES = "SfBOnPremUser"
    INELIGIBLE = "IneligibleUser"
    UNKNOWN = "Unknown"
    """The service's own word, and every type that this version does not know."""


@value
class AssignedPlan:
    """One service plan of a user: its id (lower-case GUID) and its status."""

    plan_id: str
    status: PlanStatus


@value
class DirectoryUser:
    """A user as Graph reports it.
    `plan_status` is the best status among the user's conferencing plans, or None without one;
    `is_room`, `is_resource`: the user has an enabled plan of a room or of a resource account; `groups`
    are those of the groups named in the settings (object ids) that the user belongs to, also through
    nested groups. `name`, `department`: for people to read, "" where the directory has none.
    `licensed_at`: when the first of the enabled conferencing plans was assigned, None: not known.
    """

    id: str
    upn: str
    plan_status: PlanStatus | None
    is_guest: bool = False
    is_room: bool = False
    usage_location: str | None = None
    groups: frozenset[str] = frozenset()
    name: str = ""
    department: str = ""
    is_resource: bool = False
    licensed_at: datetime | None = None

    @property
    def licensed(self) -> bool:
        """Whether a conferencing plan is enabled."""
        return self.plan_status is PlanStatus.ENABLED


@value
class ProviderEntry:
    """A provider entry of a user: the provider whose dial-in numbers the user's meetings show.

    other: JSON of the fields that this version does not know, so that a saved entry is complete.

    The passcode is the conference ID at a third party: it is excluded from `repr`, so that no log
    line or exception text can contain it.
    """

    name: str
    domain: str
    toll_number: str
    toll_free_number: str
    passcode: str = field(repr=False)
    url: str
    default: bool
    other: str = field(default="", repr=False)

    @property
    def is_microsoft(self) -> bool:
        """Whether Microsoft is this entry's provider."""
        return self.name == MICROSOFT or self.name.casefold() == MICROSOFT.casefold()


@value
class ServiceUser:
    """A user as the Teams admin API reports it. `ready`: conferencing is provisioned.

    type_name: the account type as the service calls it, when it is unknown. is_room: Teams gives the
    account the features of a Teams Rooms device. provider_known: whether the service tells providers at
    all; without it `entries` is empty and means nothing.
    """

    id: str
    upn: str
    account_type: AccountType
    ready: bool
    entries: tuple[ProviderEntry, ...] = ()
    soft_deleted: bool = False
    usage_location: str | None = None
    name: str = ""
    type_name: str = ""
    is_room: bool = False
    provider_known: bool = True

    @property
    def on_third_party(self) -> bool:
        """Whether the provider is a third party."""
        return self.provider is not None and not self.provider.is_microsoft

    @property
    def provider(self) -> ProviderEntry | None:
        """The entry of the current provider, see `deciding_entry`."""
        return deciding_entry(self.entries)


@dataclass(frozen=True, slots=True)
class ConferencingUser:
    """What Microsoft's conferencing has of a user on Microsoft: a new bridge replaces all of it.

    Numbers as the service writes them, "" for none. The conference ID opens the user's meetings: it is
    excluded from `repr`.
    """

    id: str
    conference_id: str = field(repr=False)
    bridge_id: str
    bridge_name: str = ""
    toll_number: str = ""
    toll_free_number: str = ""
    default_toll_number: str = ""
    default_toll_free_number: str = ""
    allow_toll_free: bool | None = None


def deciding_entry(entries: Sequence[ProviderEntry]) -> ProviderEntry | None:
    """Return the entry of the user's current provider, or None without entries.

    It is the one flagged as default. If none or several are flagged, a third party among the
    candidates wins, to be safe: so its details are saved, not overlooked.
    """
    if len(entries) == 1:
        return entries[0]
    candidates = [entry for entry in entries if entry.default] or list(entries)
    third_parties = [entry for entry in candidates if not entry.is_microsoft]
    return next(iter(third_parties or candidates), None)


def conferencing_status(plans: Iterable[AssignedPlan]) -> PlanStatus | None:
    """Return the status of the conferencing plans: enabled if any is, else any status, else None."""
    statuses = [plan.status for plan in plans if plan.plan_id in CONFERENCING_PLANS]
    return PlanStatus.ENABLED if PlanStatus.ENABLED in statuses else next(iter(statuses), None)


def holds_plan(plans: Iterable[AssignedPlan], among: Container[str]) -> bool:
    """Return whether one of these plans is enabled."""
    return any(plan.plan_id in among and plan.status is PlanStatus.ENABLED for plan in plans)
