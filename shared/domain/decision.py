"""The decision table: which action a user needs. Pure, and the only place that decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

from shared.domain.number_rules import NumberRules, digits_of
from shared.domain.user import AccountType, DirectoryUser, ProviderEntry, ServiceUser
from shared.domain.value import value

_ROOM: Final = "a meeting room's account"

OUTSIDE_PILOT: Final = "in no group of the setting ACP_INCLUDED_GROUPS"
"""Reason of users who are excluded only because the pilot does not include them."""


class Action(StrEnum):
    """Action for a user; the first four change the tenant."""

    REPLACE = "replace"
    """Save the third party's entries, then set Microsoft with ReplaceProvider."""
    ENABLE = "enable"
    """Set Microsoft; there is nothing to replace."""
    SET_NUMBER = "set_number"
    """Microsoft already; assign the default number of the number rule."""
    CHANGE_BRIDGE = "change_bridge"
    """The same, but the number is on another conference bridge: the conference ID is replaced, too."""
    ALREADY = "already"
    WAIT = "wait"
    UNLICENSED = "unlicensed"
    EXCLUDED = "excluded"

    @property
    def changes_tenant(self) -> bool:
        """Whether carrying this out writes to the tenant."""
        return self in (
            Action.REPLACE,
            Action.ENABLE,
            Action.SET_NUMBER,
            Action.CHANGE_BRIDGE,
        )

    @property
    def replaces_ids(self) -> bool:
        """Whether carrying this out replaces the user's conference ID: the guard counts it."""
        return self in (Action.REPLACE, Action.CHANGE_BRIDGE)


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
    included_groups: the pilot: if there are any, nobody but their members is changed.
    include_rooms: whether room and resource accounts are moved like users.
    toll_free: default toll-free number of all users, or None: the service chooses.
    bridges: number (E.164, +) -> id of its bridge; empty: not known, because no number is given to anybody.
    """

    excluded: frozenset[str] = frozenset()
    excluded_groups: frozenset[str] = frozenset()
    include_rooms: bool = False
    numbers: NumberRules = field(default_factory=NumberRules)
    toll_free: str | None = None
    included_groups: frozenset[str] = frozenset()
    bridges: Mapping[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that affect a decision; membership in others does not matter."""
        return tuple(sorted(self.protecting_groups | set(self.numbers.by_group)))

    @property
    def protecting_groups(self) -> frozenset[str]:
        """The groups without whose members nobody may be changed."""
        return self.excluded_groups | self.included_groups

    @property
    def for_everybody(self) -> Self:
        """The same rules without the pilot."""
        return replace(self, included_groups=frozenset())

    def with_numbers(self, number: str | None, toll_free: str | None) -> Self:
        """Return the rules of a run with requested default numbers (None: those of these rules)."""
        numbers = NumberRules(default=number) if number else self.numbers
        return replace(self, numbers=numbers, toll_free=toll_free or self.toll_free)


@value
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
    return _decide_by_provider(service.provider, rules.numbers.number_for(user), rules)


def screen(user: DirectoryUser, rules: Rules) -> Decision | None:
    """Return the refusal that follows from the directory alone; None: Teams has to be queried."""
    if not user.licensed:
        status = user.plan_status
        reason = f"the plan is {status}" if status else "no audio conferencing plan"
        return Decision(Action.UNLICENSED, reason)
    names = (user.id.casefold(), user.upn.casefold())
    pilot = rules.included_groups
    for applies, reason in (
        (not rules.excluded.isdisjoint(names), "excluded by the setting ACP_EXCLUDED_USERS"),
        (user.groups & rules.excluded_groups, "in a group of the setting ACP_EXCLUDED_GROUPS"),
        (user.is_guest, "a guest"),
        (user.is_room and not rules.include_rooms, _ROOM),
        (user.is_resource and not rules.include_rooms, _NO_USERS[AccountType.RESOURCE]),
        (pilot and user.groups.isdisjoint(pilot), OUTSIDE_PILOT),
    ):
        if applies:
            return Decision(Action.EXCLUDED, reason)
    return None


def _excluded_by_service(service: ServiceUser, rules: Rules) -> str | None:
    if service.soft_deleted:
        return "the account is deleted"
    if service.is_room and not rules.include_rooms:
        return _ROOM
    kind = service.account_type
    if kind is AccountType.USER or (kind is AccountType.RESOURCE and rules.include_rooms):
        return None
    if kind is AccountType.UNKNOWN:
        return f"Teams calls the account type {service.type_name or 'Unknown'}"
    return _NO_USERS[kind]


def endangers_conferencing(decision: Decision, service: ServiceUser) -> bool:
    """Return whether carrying it out may replace conference ID, numbers or bridge of a conferencing user.

    A user without entries may be one all the same; a set without numbers leaves such a user's alone.
    """
    match decision.action:
        case Action.SET_NUMBER | Action.CHANGE_BRIDGE:
            return True
        case Action.ENABLE:
            return bool(decision.number or decision.toll_free)
        case Action.REPLACE:
            return any(entry.is_microsoft for entry in service.entries)
        case _:
            return False


def set_number(number: str | None, toll_free: str | None, *, same_bridge: bool = True) -> Decision:
    """Return the decision for a user on Microsoft who is to get these numbers, one at least."""
    if same_bridge:
        reason = "another default number is wanted"
        return Decision(Action.SET_NUMBER, reason, number, toll_free)
    reason = f"{number or toll_free} is on another bridge: a new conference ID"
    return Decision(Action.CHANGE_BRIDGE, reason, number, toll_free)


def _decide_by_provider(
    provider: ProviderEntry | None, number: str | None, rules: Rules
) -> Decision:
    toll_free = rules.toll_free
    if provider is None:
        return Decision(Action.ENABLE, "no provider yet", number, toll_free)
    if not provider.is_microsoft:
        return Decision(Action.REPLACE, f"the provider is {provider.name}", number, toll_free)
    if _other(number, provider.toll_number) or _other(toll_free, provider.toll_free_number):
        same = _on_same_bridge(provider, number or toll_free or "", rules.bridges)
        return set_number(number, toll_free, same_bridge=same)
    return Decision(Action.ALREADY, "Microsoft is the provider")


def _other(wanted: str | None, has: str) -> bool:
    # The settings have E.164 with the plus sign; the service may write its numbers in other forms.
    return wanted is not None and digits_of(wanted) != digits_of(has)


def _on_same_bridge(provider: ProviderEntry, wanted: str, bridges: Mapping[str, str]) -> bool:
    """Return whether the numbers that the user has are on the bridge of the wanted one.

    A number that is on no bridge any more counts as one of another bridge. Where nothing is known, the
    mover finds out from the conferencing user.
    """
    has = bridges.get(_e164(provider.toll_number)) or bridges.get(_e164(provider.toll_free_number))
    return wanted not in bridges or bridges[wanted] == has


def _e164(number: str) -> str:
    return f"+{digits_of(number)}"
