"""The decision table of the design, row by row, and the properties that hold whatever comes in."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given

from shared.domain.decision import (
    OUTSIDE_PILOT,
    Action,
    Decision,
    Rules,
    decide,
    endangers_conferencing,
    screen,
    set_number,
)
from shared.domain.number_rules import NumberRules
from shared.domain.user import (
    AccountType,
    DirectoryUser,
    PlanStatus,
    ProviderEntry,
    ServiceUser,
)
from tests.fakes import guid, in_service, licensed, microsoft, third_party
from tests.unit.shared.domain.whoever import NUMBER, RULES, SERVICES, USERS

MOVED, LEFT = Action.REPLACE, Action.EXCLUDED
RESOURCE = replace(licensed(), is_resource=True)
ROOM = replace(licensed(), is_room=True)
GUEST = replace(licensed(), is_guest=True)
EXCLUDING_BY_ID = Rules(excluded=frozenset({guid(1)}))
EXCLUDING_BY_UPN = Rules(excluded=frozenset({"user1@contoso.example"}))
ROOMS_TOO = Rules(include_rooms=True)
GROUPED = replace(licensed(), groups=frozenset({guid(91)}))
GROUP_OUT = Rules(excluded_groups=frozenset({guid(91)}))
OTHER_OUT = Rules(excluded_groups=frozenset({guid(92)}))
NUMBERED = Rules(numbers=NumberRules.parse({"US": NUMBER}))
SILENT = replace(in_service(), provider_known=False)
BRIDGES = {"+15550199": "one", "+15550177": "one", NUMBER: "two", "+18005550100": "two"}
BRIDGED = replace(NUMBERED, bridges=BRIDGES)
SAME = Rules(numbers=NumberRules.parse({"US": "+15550177"}), bridges=BRIDGES)
FREE = Rules(toll_free="+18005550100", bridges=BRIDGES)
BOTH = (microsoft(default=False), third_party())

TABLE = [
    ("third party", licensed(), in_service(1, third_party()), Rules(), Action.REPLACE),
    ("third party beside Microsoft", licensed(), in_service(1, *BOTH), Rules(), Action.REPLACE),
    ("no provider", licensed(), in_service(), Rules(), Action.ENABLE),
    ("Microsoft", licensed(), in_service(1, microsoft()), Rules(), Action.ALREADY),
    ("another number", licensed(), in_service(1, microsoft()), NUMBERED, Action.SET_NUMBER),
    ("another bridge", licensed(), in_service(1, microsoft()), BRIDGED, Action.CHANGE_BRIDGE),
    ("tel: form", licensed(), in_service(1, microsoft("tel:+15550199")), SAME, Action.SET_NUMBER),
    ("same bridge", licensed(), in_service(1, microsoft("15550199")), SAME, Action.SET_NUMBER),
    ("lost number", licensed(), in_service(1, microsoft("+1999")), SAME, Action.CHANGE_BRIDGE),
    ("toll-free", licensed(), in_service(1, microsoft()), FREE, Action.CHANGE_BRIDGE),
    ("third party, bridges", licensed(), in_service(1, third_party()), BRIDGED, Action.REPLACE),
    ("that number", licensed(), in_service(1, microsoft(NUMBER)), NUMBERED, Action.ALREADY),
    (
        "that number in another form",
        licensed(),
        in_service(1, microsoft(f"tel:{NUMBER[:3]} {NUMBER[3:]};ext=1")),
        NUMBERED,
        Action.ALREADY,
    ),
    ("a service without providers", licensed(), SILENT, NUMBERED, Action.ALREADY),
    ("unknown to Teams", licensed(), None, Rules(), Action.WAIT),
    ("pending, none", licensed(), in_service(ready=False), Rules(), Action.WAIT),
    ("pending, third", licensed(), in_service(1, third_party(), ready=False), Rules(), Action.WAIT),
    (
        "pending, Microsoft",
        licensed(),
        in_service(1, microsoft(), ready=False),
        Rules(),
        Action.WAIT,
    ),
    ("no plan", licensed(status=None), in_service(1, third_party()), Rules(), Action.UNLICENSED),
    *(
        (status, licensed(status=status), in_service(1, third_party()), Rules(), Action.UNLICENSED)
        for status in PlanStatus
        if status is not PlanStatus.ENABLED
    ),
    ("excluded group", GROUPED, in_service(1, third_party()), GROUP_OUT, Action.EXCLUDED),
    ("another group", GROUPED, in_service(1, third_party()), OTHER_OUT, Action.REPLACE),
    ("room", ROOM, in_service(1, third_party()), Rules(), Action.EXCLUDED),
    *(
        (name, user, service, Rules(include_rooms=permitted), MOVED if permitted else LEFT)
        for permitted, (name, user, service) in product(
            (False, True),
            (
                ("resource account's plan", RESOURCE, in_service(1, third_party())),
                ("room's feature", licensed(), replace(in_service(1, third_party()), is_room=True)),
            ),
        )
    ),
    ("room, permitted", ROOM, in_service(1, third_party()), ROOMS_TOO, Action.REPLACE),
    *(
        (
            kind,
            licensed(),
            in_service(1, third_party(), account_type=kind),
            Rules(),
            Action.EXCLUDED,
        )
        for kind in AccountType
        if kind is not AccountType.USER
    ),
    (
        "resource account, permitted",
        licensed(),
        in_service(1, third_party(), account_type=AccountType.RESOURCE),
        ROOMS_TOO,
        Action.REPLACE,
    ),
    ("guest", GUEST, in_service(1, third_party()), ROOMS_TOO, Action.EXCLUDED),
    (
        "deleted",
        licensed(),
        in_service(1, third_party(), soft_deleted=True),
        Rules(),
        Action.EXCLUDED,
    ),
    ("named by id", licensed(), in_service(1, third_party()), EXCLUDING_BY_ID, Action.EXCLUDED),
    ("named by UPN", licensed(), in_service(1, third_party()), EXCLUDING_BY_UPN, Action.EXCLUDED),
]


@pytest.mark.parametrize(
    ("user", "service", "rules", "action"),
    [pytest.param(*row, id=str(name)) for name, *row in TABLE],
)
def test_row(
    user: DirectoryUser, service: ServiceUser | None, rules: Rules, action: Action
) -> None:
    """Each row of the decision table gives its decision, with a reason in words."""
    decision = decide(user, service, rules)
    assert decision.action is action
    assert decision.reason


@pytest.mark.parametrize(
    ("user", "service", "reason"),
    [
        (ROOM, None, "a meeting room's account"),
        (RESOURCE, None, "a resource account"),
        (licensed(), replace(in_service(), is_room=True), "a meeting room's account"),
        (
            licensed(),
            in_service(account_type=AccountType.UNKNOWN),
            "Teams calls the account type Unknown",
        ),
        (
            licensed(),
            replace(in_service(account_type=AccountType.UNKNOWN), type_name="Robot"),
            "Teams calls the account type Robot",
        ),
    ],
)
def test_why_an_account_is_left_alone(
    user: DirectoryUser, service: ServiceUser | None, reason: str
) -> None:
    """U1, U3: rooms and resource accounts by plan or feature, and unknown types by their name."""
    assert decide(user, service, Rules()) == Decision(Action.EXCLUDED, reason)


def test_rule_for_all_other_locations() -> None:
    """`*` is for whom no rule of their own exists, and for those without a location."""
    rules = NumberRules.parse({"DE": "+4969120012345", "*": NUMBER})
    users = [replace(licensed(), usage_location=location) for location in ("DE", "US", None)]
    assert [rules.number_for(user) for user in users] == ["+4969120012345", NUMBER, NUMBER]
    assert NumberRules().number_for(users[1]) is None


def test_rule_for_a_group_wins() -> None:
    """The first rule that names a group of the user wins over the usage location and over `*`."""
    first, second = guid(91), guid(92)
    rules = NumberRules.parse({"US": "+1", second: "+2", first: "+3", "*": "+4"})
    groups = ((), (first,), (first, second), (guid(93),))
    users = [replace(licensed(), groups=frozenset(each)) for each in groups]
    numbers = [rules.number_for(user) for user in users]
    assert numbers == ["+1", "+3", "+2", "+1"]
    assert Rules(numbers=rules).groups == (first, second)


def test_numbers_that_are_asked_for_win() -> None:
    """Numbers asked for in a run replace the rules there; without any the rules stay what they are."""
    rules = Rules(numbers=NumberRules.parse({"US": "+1", "*": "+4"}))
    asked = rules.with_numbers("+7", "+800")
    decision = decide(licensed(), in_service(1, third_party()), asked)
    assert (decision.number, decision.toll_free) == ("+7", "+800")
    assert rules.with_numbers(None, None) == rules
    there = in_service(1, microsoft("+7", toll_free="+800"))
    assert decide(licensed(), there, asked).action is Action.ALREADY
    assert decide(licensed(), there, rules.with_numbers("+7", "+801")).action is Action.SET_NUMBER


def test_number_rule_comes_with_the_move() -> None:
    """A user of a location with a number rule is moved to that very number."""
    assert decide(licensed(), in_service(1, third_party()), NUMBERED).number == NUMBER


@given(USERS, SERVICES, RULES)
def test_unlicensed_is_never_changed(
    user: DirectoryUser, service: ServiceUser | None, rules: Rules
) -> None:
    """Whatever the input, a decision that changes the tenant is only ever made for a licensed user."""
    if decide(user, service, rules).action.changes_tenant:
        assert user.plan_status is PlanStatus.ENABLED


@given(USERS, SERVICES, RULES)
def test_excluded_is_never_changed(
    user: DirectoryUser, service: ServiceUser | None, rules: Rules
) -> None:
    """Whatever the input, nobody excluded by kind of account or by rule is changed."""
    if decide(user, service, rules).action.changes_tenant:
        assert service is not None
        assert not service.soft_deleted
        assert not user.is_guest
        assert not (user.is_room or user.is_resource) or rules.include_rooms
        assert {user.id, user.upn.lower()}.isdisjoint(rules.excluded)
        assert user.groups.isdisjoint(rules.excluded_groups)
        permitted = {AccountType.USER} | ({AccountType.RESOURCE} if rules.include_rooms else set())
        assert service.account_type in permitted


@given(USERS, SERVICES, RULES)
def test_replace_only_where_there_is_something_to_save(
    user: DirectoryUser, service: ServiceUser | None, rules: Rules
) -> None:
    """ReplaceProvider is decided exactly for users with a third party as deciding entry."""
    if decide(user, service, rules).action is Action.REPLACE:
        assert service is not None
        assert service.provider is not None
        assert not service.provider.is_microsoft


@given(USERS, SERVICES, RULES)
def test_screen_agrees_with_decide(
    user: DirectoryUser, service: ServiceUser | None, rules: Rules
) -> None:
    """What the directory alone refuses, the whole table refuses in the same words."""
    if refused := screen(user, rules):
        assert decide(user, service, rules) == refused


OTHER_BRIDGE = " is on another bridge: a new conference ID"
WITH_FREE = in_service(1, microsoft("", toll_free="tel:+18005550100"))


@pytest.mark.parametrize(
    ("service", "rules", "decision"),
    [
        (
            in_service(1, microsoft()),
            BRIDGED,
            Decision(Action.CHANGE_BRIDGE, NUMBER + OTHER_BRIDGE, NUMBER),
        ),
        (
            in_service(1, microsoft()),
            FREE,
            Decision(Action.CHANGE_BRIDGE, f"+18005550100{OTHER_BRIDGE}", None, "+18005550100"),
        ),
        (
            in_service(1, microsoft()),
            BRIDGED.with_numbers(NUMBER, "+18005550100"),
            Decision(Action.CHANGE_BRIDGE, NUMBER + OTHER_BRIDGE, NUMBER, "+18005550100"),
        ),
        (WITH_FREE, BRIDGED, Decision(Action.SET_NUMBER, "", NUMBER)),
    ],
)
def test_a_number_on_another_bridge_changes_the_conference_id(
    service: ServiceUser, rules: Rules, decision: Decision
) -> None:
    """Whichever number the user has tells the bridge, and both numbers are set."""
    found = decide(licensed(), service, rules)
    assert found == replace(decision, reason=decision.reason or found.reason)
    assert found.reason


def test_a_number_is_on_the_same_bridge_unless_it_is_known_not_to_be() -> None:
    """The mover finds out from the conferencing user."""
    assert set_number("+1", None) == set_number("+1", None, same_bridge=True)
    assert set_number("+1", None).action is Action.SET_NUMBER


@pytest.mark.parametrize(
    ("action", "numbers", "entries", "endangered"),
    [
        (Action.SET_NUMBER, ("+1", None), (), True),
        (Action.CHANGE_BRIDGE, ("+1", None), (), True),
        (Action.ENABLE, (None, None), (microsoft(),), False),
        (Action.ENABLE, ("+1", None), (), True),
        (Action.ENABLE, (None, "+8"), (), True),
        (Action.REPLACE, ("+1", "+8"), (third_party(),), False),
        (Action.REPLACE, (None, None), BOTH, True),
        (Action.ALREADY, ("+1", None), BOTH, False),
    ],
)
def test_when_a_set_may_destroy_a_conference_id(
    action: Action,
    numbers: tuple[str | None, str | None],
    entries: tuple[ProviderEntry, ...],
    endangered: bool,
) -> None:
    """Whoever is, or may be, a conferencing user already, and gets a number or a bridge."""
    decision = Decision(action, "why", *numbers)
    assert endangers_conferencing(decision, in_service(1, *entries)) is endangered


def test_nobody_outside_the_pilot_is_changed() -> None:
    """Members of one of its groups are, the others are excluded; without groups there is no pilot."""
    pilot = Rules(included_groups=frozenset({guid(91), guid(94)}))
    users = [GROUPED, licensed(), replace(licensed(), groups=frozenset({guid(92)}))]
    refused = Decision(Action.EXCLUDED, OUTSIDE_PILOT)
    assert [screen(user, pilot) for user in users] == [None, refused, refused]
    assert [screen(user, pilot.for_everybody) for user in users] == [None] * 3
    assert pilot.protecting_groups == {guid(91), guid(94)}
