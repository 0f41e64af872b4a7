"""Users as Graph and Teams have them, made short."""

from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import (
    AccountType,
    ConferencingUser,
    DirectoryUser,
    PlanStatus,
    ProviderEntry,
    ServiceUser,
)

PASSCODE = "73519846"


def guid(number: int) -> str:
    """A user id that is easy to tell from others."""
    return f"00000000-0000-4000-8000-{number:012d}"


def third_party(name: str = "InterCall", *, default: bool = True) -> ProviderEntry:
    """A third party's entry."""
    return ProviderEntry(
        name, f"{name.lower()}.example", "+15550100", "+18000100", PASSCODE, "", default
    )


def microsoft(
    number: str = "+15550199", *, toll_free: str = "", default: bool = True
) -> ProviderEntry:
    """Microsoft's own entry."""
    return ProviderEntry("Microsoft", "resources.lync.com", number, toll_free, "0", "", default)


BRIDGE = "bridge"
"""The conference bridge of everybody who is not elsewhere."""


def conferencing(user_id: str, number: str = "+15550199", bridge: str = BRIDGE) -> ConferencingUser:
    """What Microsoft's conferencing has of a user; every user and bridge has an ID of its own."""
    code = f"{user_id[-6:]}{len(bridge)}"
    return ConferencingUser(user_id, code, bridge, f"{bridge}'s name", number, "", number, "", True)


def settled(user_id: str) -> UserResult:
    """The result of a user with whom there is nothing to do."""
    return UserResult(user_id, Outcome.ALREADY_MICROSOFT, "the provider is Microsoft")


def licensed(number: int = 1, status: PlanStatus | None = PlanStatus.ENABLED) -> DirectoryUser:
    """A user as Graph has it, licensed unless described differently."""
    return DirectoryUser(guid(number), f"user{number}@contoso.example", status, usage_location="US")


def in_service(
    number: int = 1,
    *entries: ProviderEntry,
    account_type: AccountType = AccountType.USER,
    ready: bool = True,
    soft_deleted: bool = False,
) -> ServiceUser:
    """A user as Teams has it, with the given provider entries."""
    return ServiceUser(
        guid(number),
        f"user{number}@contoso.example",
        account_type,
        ready,
        entries,
        soft_deleted,
        usage_location="US",
    )
