"""The $filter language."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.tenant.directory import catalog
from local.tenant.directory.people import Kind, User
from local.tenant.errors import GraphError
from local.tenant.graph.filter import read_filter
from tests.unit.local.tenant.support import make_tenant, one

TENANT = make_tenant()
PLAN = catalog.MCOMEETADV.id
LICENSED = f"assignedPlans/any(p:p/servicePlanId eq {PLAN} and p/capabilityStatus eq 'Enabled')"


def matching(text: str) -> list[User]:
    """The users of the tenant who match."""
    return [user for user in TENANT.directory.users if read_filter(text).test(user)]


def named(name: str) -> User:
    """A user who is like any other but for the principal name."""
    user = make_tenant(users=1).directory.users[0]
    user.upn = name
    return user


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_a_doubled_apostrophe_is_an_apostrophe(name: str) -> None:
    """Any principal name can be asked for, with its apostrophes doubled."""
    quoted = name.replace("'", "''")
    assert read_filter(f"userPrincipalName eq '{quoted}'").test(named(name))


@pytest.mark.parametrize(
    "text",
    [
        LICENSED,
        LICENSED.replace("p:p/", "plan:plan/").replace(" p/", " plan/"),
        LICENSED.replace("(p:", "( p : ").replace(" eq ", "  eq  "),
        f"assignedPlans/any(x:(x/capabilityStatus eq 'Enabled') and (x/servicePlanId eq {PLAN}))",
        f"({LICENSED})",
        LICENSED.replace(PLAN, PLAN.upper()),
    ],
)
def test_the_licensed_users_are_found_however_it_is_written(text: str) -> None:
    """Variable names, spaces, brackets and the order of the parts do not matter."""
    wanted = read_filter(text)
    expected = [
        u
        for u in TENANT.directory.users
        if {"servicePlanId": PLAN, "capabilityStatus": "Enabled"}.items()
        <= next((p for p in u.plans if p["servicePlanId"] == PLAN), {}).items()
    ]
    assert matching(text) == expected
    assert wanted.advanced
    assert wanted.exact
    assert wanted.plans == frozenset({PLAN})


def test_several_plans_can_be_ored() -> None:
    """One query finds the users of all conferencing plans, through the index."""
    clauses = [LICENSED.replace(PLAN, plan) for plan in sorted(catalog.CONFERENCING_PLANS)]
    text = " or ".join(clauses)
    assert read_filter(text).plans == catalog.CONFERENCING_PLANS
    assert [u.id for u in matching(text)] == [u.id for u in TENANT.directory.users if u.licensed]


def test_the_status_belongs_to_the_same_plan() -> None:
    """A user with the plan Deleted and another plan Enabled does not match."""
    assert one(TENANT, Kind.PLAN_DISABLED) not in matching(LICENSED)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("userType eq 'Guest'", {Kind.GUEST}),
        ("userType eq 'guest'", {Kind.GUEST}),
        (f"{LICENSED} and userType eq 'Guest'", {Kind.GUEST}),
        (f"userType eq 'Guest' and not({LICENSED})", set()),
    ],
)
def test_conditions_combine(text: str, kinds: set[Kind]) -> None:
    """`and` and `not` do what they say; strings compare without case."""
    assert {user.kind for user in matching(text)} <= kinds


def test_in_takes_a_list() -> None:
    """`id in (...)` and `userPrincipalName in (...)` find those users."""
    first, second = TENANT.directory.users[:2]
    assert matching(f"id in ('{first.id}', '{second.id}')") == [first, second]
    upn = second.upn.replace("'", "''")
    assert matching(f"userPrincipalName in ('{upn}')") == [second]


def test_startswith_finds_by_prefix() -> None:
    """A plain query, without advanced parameters."""
    found = read_filter("startswith(displayName,'Room')")
    assert not found.advanced
    assert {u.kind for u in matching("startswith(displayName,'Room')")} == {Kind.ROOM}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LICENSED.replace(PLAN, f"'{PLAN}'"), "BadRequest"),
        (LICENSED.replace("p/cap", "q/cap"), "BadRequest"),
        ("displayName eq", "BadRequest"),
        ("displayName eq 'a' and", "BadRequest"),
        ("(displayName eq 'a'", "BadRequest"),
        ("displayName eq 'a' extra", "BadRequest"),
        ("nonsense eq 'a'", "BadRequest"),
        ("displayName gt 'a'", "BadRequest"),
        ("displayName eq 'a", "BadRequest"),
        ("contains(displayName,'a')", "BadRequest"),
        ("(" * 5000, "BadRequest"),
        ("jobTitle eq 'a'", "Request_UnsupportedQuery"),
        ("memberOf/any(g:g/id eq 'a')", "Request_UnsupportedQuery"),
        (" or ".join([LICENSED] * 16), "Request_UnsupportedQuery"),
        ("id in ('a'" + ",'b'" * 15 + ")", "Request_UnsupportedQuery"),
    ],
)
def test_what_is_not_supported_is_refused(text: str, code: str) -> None:
    """400 with the code Graph uses, and never a guess."""
    with pytest.raises(GraphError) as caught:
        read_filter(text)
    assert (caught.value.status, caught.value.code) == (400, code)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Whatever comes in, the answer is a filter or a GraphError."""
    with suppress(GraphError):
        read_filter(text)
