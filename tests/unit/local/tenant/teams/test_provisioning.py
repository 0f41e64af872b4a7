"""Provisioning: what a license does in the conferencing service after the lag."""

import pytest

from local.tenant.directory import catalog
from local.tenant.directory.people import MICROSOFT, Grant, Kind
from local.tenant.teams.conference_set import ConferenceSet
from tests.unit.local.tenant.support import later, make_tenant, one

ADDON = catalog.AUDIO_CONFERENCING.id


def test_a_license_reaches_the_service_after_the_lag() -> None:
    """Graph has it at once, the service ten seconds later, and the user is on Microsoft."""
    tenant = make_tenant(does_not_take=0)
    user = one(tenant, Kind.UNLICENSED)
    tenant.license(user, {ADDON: Grant()}, set())
    assert user.licensed
    later(tenant, 9.9)
    assert not user.provisioned
    later(tenant, 0.2)
    assert user.provisioned
    assert user.provider == MICROSOFT
    assert [c["action"] for c in tenant.ledger.changes if c["user"] == user.id] == [
        "enabled_automatically"
    ]
    assert user.sets == 0


def test_for_some_it_does_not_take() -> None:
    """The service has them, Microsoft is not set; a set by hand works."""
    tenant = make_tenant(does_not_take=1)
    user = one(tenant, Kind.UNLICENSED)
    tenant.license(user, {ADDON: Grant()}, set())
    later(tenant, 11)
    assert (user.provisioned, user.provider) == (True, None)
    tenant.conferencing.set_user(user, ConferenceSet())
    assert user.provider == MICROSOFT


@pytest.mark.parametrize(("helps", "provisioned"), [(True, True), (False, False)])
def test_reprocessing_may_help_whom_the_service_never_got(helps: bool, provisioned: bool) -> None:
    """never_provisioned users stay unknown until their assignment is reprocessed."""
    tenant = make_tenant(never_provisioned=1, reprocess_helps=helps)
    user = one(tenant, Kind.UNLICENSED)
    tenant.license(user, {ADDON: Grant()}, set())
    later(tenant, 1000)
    assert not user.provisioned
    tenant.provisioning.reprocess(user)
    later(tenant, 11)
    assert user.provisioned is provisioned


@pytest.mark.parametrize(("on", "provider"), [(True, MICROSOFT), (False, "InterCall")])
def test_licensing_replaces_a_third_party_only_if_told_to(on: bool, provider: str) -> None:
    """AutomaticallyReplaceAcpProvider decides, and with it the old numbers are lost."""
    tenant = make_tenant(automatically_replace=on)
    user = one(tenant, Kind.UNLICENSED_THIRD_PARTY)
    assert user.provider == "InterCall"
    tenant.license(user, {ADDON: Grant()}, set())
    later(tenant, 11)
    assert user.provider == provider


def test_losing_the_license_removes_the_service_after_the_lag() -> None:
    """Microsoft's entry goes, after the lag; the conference is no more."""
    tenant = make_tenant()
    user = one(tenant, Kind.MICROSOFT)
    tenant.license(user, {}, set(user.grants))
    assert (user.licensed, user.provider) == (False, MICROSOFT)
    later(tenant, 11)
    assert (user.provisioned, user.provider, user.conference) == (False, None, None)
    assert [c["action"] for c in tenant.ledger.changes if c["user"] == user.id] == [
        "service_removed"
    ]


def test_a_license_that_comes_back_in_time_changes_nothing() -> None:
    """Removed and assigned again within the lag, the user keeps the conference."""
    tenant = make_tenant()
    user = one(tenant, Kind.MICROSOFT)
    grants, conference = dict(user.grants), user.conference
    tenant.license(user, {}, set(grants))
    later(tenant, 5)
    tenant.license(user, grants, set())
    later(tenant, 100)
    assert (user.provisioned, user.conference) == (True, conference)
    assert user.id not in {c["user"] for c in tenant.ledger.changes}


def test_pending_users_become_microsoft_by_themselves() -> None:
    """Those licensed at the start follow after the lag, except for whom it does not take."""
    tenant = make_tenant(users=400, does_not_take=0)
    assert one(tenant, Kind.PENDING).provider is None
    later(tenant, 11)
    pending = [u for u in tenant.directory.users if u.kind is Kind.PENDING]
    assert {u.provider for u in pending} == {MICROSOFT}


def test_a_guest_gets_no_conferencing_by_license() -> None:
    """An account the service refuses is not enabled automatically either."""
    tenant = make_tenant(users=400, does_not_take=0)
    guest = one(tenant, Kind.GUEST, 1)
    assert guest.provider is None
    tenant.license(guest, {}, set(guest.grants))
    later(tenant, 11)
    tenant.license(guest, {ADDON: Grant()}, set())
    later(tenant, 11)
    assert guest.provider is None
