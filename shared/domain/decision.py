"""The decision table: which action a user needs. Pure, and the only place that decides."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

from shared.domain.number_rules import NumberRules, digits_of
from shared.domain.user import AccountType, DirectoryUser, ProviderEntry, ServiceUser


class Action(StrEnum):
    """Action for a user; the first three change the tenant."""

    REPLACE = "replace"
    """Save the third party's entries, then set Microsoft with ReplaceProvider."""
    ENABLE = "enable"
    """Set Microsoft; there is nothing to replace."""
    SET_NUMBER = "set_number"
    """Microsoft already; assign the default number of the number rule."""
    ALREADY = "already"
    WAIT = "wait"
    UNLICENSED = "unlicensed"
    EXCLUDED = "excluded"

    @property
    def changes_tenant(self) -> bool:
        """Whether carrying this out writes to the tenant."""
        return self in (Action.REPLACE, Action.ENABLE, Action.SET_NUMBER)


_NO_USERS: Final = {
    AccountType.RESOURCE: "a resource account",
    AccountType.GUEST: "a guest",
    AccountType.ON_PREMISES: "homed on premises: conferencing is set there",
    AccountType.INELIGIBLE: "Teams calls the account ineligible",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that the administrator configured in the settings.

    excluded: user ids and user principal names, lower-case, that are never changed.
    excluded_groups: object ids, lower-case, of groups whose members are never changed.
    include_rooms: whether room and resource accounts are moved like users.
    toll_free: default toll-free number of all users, or None: the service chooses.
    """

    excluded: frozenset[str] = frozenset()
    excluded_groups: frozenset[str] = frozenset()
    include_rooms: bool = False
    numbers: NumberRules = field(default_factory=NumberRules)
    toll_free: str | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that affect a decision; membership in others does not matter."""
        return tuple(sorted(self.excluded_groups | set(self.numbers.by_group)))

    def with_numbers(self, number: str | None, toll_free: str | None) -> Self:
        """Return the rules of a run with requested default numbers (None: those of these rules)."""
        numbers = NumberRules(default=number) if number else self.numbers
        return replace(self, numbers=numbers, toll_free=toll_free or self.toll_free)


@dataclass(frozen=True, slots=True)
class Decision:
    """An action, its reason for the administrator, and the numbers to set, if any."""

    action: Action
    reason: str
    number: str | None = None
    toll_free: str | None = None


def decide(user: DirectoryUser, service: ServiceUser | None, rules: Rules) -> Decision:
    """Return the decision for `user`; `service` is None when Teams does not know the user.

    Never returns an action that changes the tenant for an unlicensed or excluded user.
    """
    if refused := screen(user, rules):
        return refused
    if service is None:
        return Decision(Action.WAIT, "Teams does not know the user yet")
    if reason := _excluded_by_service(service, rules):
        return Decision(Action.EXCLUDED, reason)
    if not service.ready:
        return Decision(Action.WAIT, "Teams has not provisioned audio conferencing yet")
    if not service.provider_known:
        return Decision(Action.ALREADY, "provisioned; this service does not report providers")
    return _decide_by_provider(service.provider, rules.numbers.number_for(user), rules.toll_free)


def screen(user: DirectoryUser, rules: Rules) -> Decision | None:
    """Return the refusal that follows from the directory alone; None: Teams has to be queried."""
    if not user.licensed:
        status = user.plan_status
        reason = f"the plan is {status}" if status else "no audio conferencing plan"
        return Decision(Action.UNLICENSED, reason)
    if {user.id.casefold(), user.upn.casefold()} & rules.excluded:
        return Decision(Action.EXCLUDED, "excluded by the setting ACP_EXCLUDED_USERS")
    if user.groups & rules.excluded_groups:
        return Decision(Action.EXCLUDED, "in a group of the setting ACP_EXCLUDED_GROUPS")
    if user.is_guest:
        return Decision(Action.EXCLUDED, "a guest")
    if user.is_room and not rules.include_rooms:
        return Decision(Action.EXCLUDED, "a meeting room's account")
    return None


def _excluded_by_service(service: ServiceUser, rules: Rules) -> str | None:
    if service.soft_deleted:
        return "the account is deleted"
    kind = service.account_type
    if kind is AccountType.USER or (kind is AccountType.RESOURCE and rules.include_rooms):
        return None
    if kind is AccountType.UNKNOWN:
        return f"Teams calls the account type {service.type_name or 'Unknown'}"
    return _NO_USERS[kind]


def _decide_by_provider(
    provider: ProviderEntry | None, number: str | None, toll_free: str | None
) -> Decision:
    if provider is None:
        return Decision(Action.ENABLE, "no provider yet", number, toll_free)
    if not provider.is_microsoft:
        return Decision(Action.REPLACE, f"the provider is {provider.name}", number, toll_free)
    if _other(number, provider.toll_number) or _other(toll_free, provider.toll_free_number):
        return Decision(Action.SET_NUMBER, "another default number is wanted", number, toll_free)
    return Decision(Action.ALREADY, "Microsoft is the provider")


def _other(wanted: str | None, has: str) -> bool:
    # The settings have E.164 with the plus sign; the service may write its numbers in other forms.
    return wanted is not None and digits_of(wanted) != digits_of(has)
