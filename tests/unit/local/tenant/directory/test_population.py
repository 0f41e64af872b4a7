"""The users a tenant is born with."""

import re
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from local.tenant.control.state import show_user
from local.tenant.directory.people import EXCLUDED_KINDS, MICROSOFT, Kind
from local.tenant.directory.plans import conferencing_status
from local.tenant.directory.population import PER_MILLE, kinds_of
from local.tenant.options import TenantOptions, tenant_id_of
from tests.unit.local.tenant.support import make_tenant, one

DIGITS = re.compile(r"[1-9][0-9]{9,12}")


def test_the_same_seed_gives_the_same_tenant() -> None:
    """Ids, names, numbers and passcodes follow from the seed alone."""
    first, second = make_tenant(seed=7), make_tenant(seed=7)
    assert first.id == second.id
    assert first.bridges == second.bridges
    assert [show_user(u) for u in first.directory.users] == [
        show_user(u) for u in second.directory.users
    ]


def test_another_seed_gives_another_tenant() -> None:
    """No id is shared between tenants of different seeds."""
    first, second = make_tenant(seed=1), make_tenant(seed=2)
    assert first.id != second.id
    assert not {u.id for u in first.directory.users} & {u.id for u in second.directory.users}


@settings(max_examples=60)
@given(st.integers(1, 6000))
@example(16)  # one of each kind leaves a place over
def test_there_are_as_many_users_as_asked_for(users: int) -> None:
    """Shares are rounded so that the number of users is exact."""
    assert len(kinds_of(users)) == users


@settings(max_examples=60)
@given(st.integers(30, 6000))
def test_every_kind_is_there_from_thirty_users_up(users: int) -> None:
    """A small demonstration meets every case too."""
    assert set(kinds_of(users)) == {*PER_MILLE, Kind.UNLICENSED}


def test_shares_hold_in_a_large_tenant() -> None:
    """At 100,000 users the kinds have their shares to the user."""
    counts = Counter(kinds_of(100_000))
    assert {kind: counts[kind] for kind in PER_MILLE} == {k: 100 * n for k, n in PER_MILLE.items()}


def test_ids_and_names_are_unique() -> None:
    """No two users share an id or a principal name, whatever its case."""
    users = make_tenant(users=3000).directory.users
    assert len({u.id for u in users}) == len(users)
    assert len({u.upn.lower() for u in users}) == len(users)


def test_numbers_are_digits_only() -> None:
    """Every number is E.164 without the plus sign."""
    tenant = make_tenant(users=1000)
    numbers = [n.number for bridge in tenant.bridges for n in bridge.numbers]
    for user in tenant.directory.users:
        numbers += [e.toll_number for e in user.entries]
        numbers += [e.toll_free_number for e in user.entries if e.toll_free_number]
    assert [n for n in numbers if not DIGITS.fullmatch(n)] == []


@pytest.mark.parametrize(
    ("kind", "status", "licensed", "provisioned"),
    [
        (Kind.THIRD_PARTY, "Enabled", True, True),
        (Kind.MICROSOFT, "Enabled", True, True),
        (Kind.NO_PROVIDER, "Enabled", True, True),
        (Kind.PENDING, "Enabled", True, False),
        (Kind.UNLICENSED, None, False, False),
        (Kind.UNLICENSED_THIRD_PARTY, None, False, False),
        (Kind.SUSPENDED, "Suspended", False, False),
        (Kind.WARNING, "Warning", False, False),
        (Kind.LOCKED_OUT, "LockedOut", False, False),
        (Kind.PLAN_DISABLED, "Deleted", False, False),
        (Kind.ROOM, "Enabled", True, True),
        (Kind.ON_PREMISES, "Enabled", True, True),
    ],
)
def test_each_kind_is_what_it_says(
    kind: Kind, status: str | None, licensed: bool, provisioned: bool
) -> None:
    """The kind decides the plan's status and whether the service has the user."""
    for user in make_tenant(users=300).directory.users:
        if user.kind is kind:
            assert conferencing_status(user.plans) == status
            assert (user.licensed, user.provisioned) == (licensed, provisioned)


def test_excluded_accounts_look_ready_to_move() -> None:
    """At least one room, resource account and guest has a license and a third party."""
    tenant = make_tenant()
    for kind in (Kind.ROOM, Kind.RESOURCE, Kind.GUEST):
        user = one(tenant, kind)
        assert user.licensed
        assert user.provider not in {None, MICROSOFT}
        assert not user.included


def test_only_excluded_kinds_are_not_included() -> None:
    """`included` is false for those kinds and for nobody else at birth."""
    for user in make_tenant().directory.users:
        assert user.included == (user.kind not in EXCLUDED_KINDS)


def test_the_default_entry_decides_and_may_come_second() -> None:
    """Some users have several entries, and the first is not always the default one."""
    users = [u for u in make_tenant(users=400).directory.users if len(u.entries) > 1]
    assert any(not u.entries[0].default for u in users)
    assert any(u.provider != MICROSOFT and MICROSOFT in {e.name for e in u.entries} for u in users)
    for user in users:
        assert [e.name for e in user.entries if e.default] == [user.provider]


def test_conference_ids_are_unique() -> None:
    """No two users of the bridge share a conference id."""
    users = make_tenant(users=3000).directory.users
    ids = [u.conference.conference_id for u in users if u.conference]
    assert len(set(ids)) == len(ids) > 100


def test_the_tenant_id_follows_from_the_seed() -> None:
    """It is a GUID unless one is given."""
    assert TenantOptions(seed=5).tenant_id == tenant_id_of(5) != tenant_id_of(6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("users", 0),
        ("does_not_take", 1.1),
        ("lag_seconds", -1),
        ("tenant_id", "contoso"),
        ("notification_batch_size", 0),
        ("graph_limit", True),
    ],
)
def test_bad_options_are_refused_by_name(field: str, value: object) -> None:
    """The error names the option that is wrong or unknown."""
    with pytest.raises(ValidationError, match=field):
        TenantOptions.model_validate({field: value})
