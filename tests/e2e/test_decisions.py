"""Every row of the decision table: in through Graph's notification, out through the tenant's state."""

import re

import pytest

from tests.e2e.conftest import LAG
from tests.e2e.secrets import codes
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, Tenant, User


@pytest.mark.third_parties
@pytest.mark.parametrize("entries", [1, pytest.param(2, marks=pytest.mark.third_parties)])
def test_a_third_party_is_replaced_after_all_entries_are_saved(
    system: System, tenant: Tenant, entries: int
) -> None:
    """Licensed, on a third party: every entry is saved with its passcode, then Microsoft is set."""
    user = tenant.take("third_party", entries=entries)
    with system.changing(user):
        tenant.nudge(user)
        moved = system.wait_for(user, "moved")
    assert moved["provider"] == MICROSOFT
    assert moved["sets"] == 1
    assert len(moved["entries"]) == 1, "the third party's entries are gone from the service"
    assert system.storage.saved(user["id"]) == [user["original_entries"]]
    assert all(entry["participantPassCode"] for entry in user["original_entries"])


@pytest.mark.third_parties
def test_a_user_without_a_provider_is_enabled(system: System, tenant: Tenant) -> None:
    """Licensed, no provider, and the service did not do it by itself: Microsoft is set."""
    user = tenant.take("no_provider")
    with system.changing(user):
        tenant.nudge(user)
        enabled = system.wait_for(user, "moved")
    assert (enabled["provider"], enabled["sets"]) == (MICROSOFT, 1)
    assert system.storage.saved(user["id"]) == []


@pytest.mark.parametrize("entries", [1, pytest.param(2, marks=pytest.mark.third_parties)])
def test_a_user_on_microsoft_is_left_alone(system: System, tenant: Tenant, entries: int) -> None:
    """Microsoft is the provider already, alone or next to a leftover: nothing is set."""
    user, writes = tenant.take("microsoft", entries=entries), tenant.writes()
    with system.changing():
        tenant.nudge(user)
        assert system.wait_for(user, "already_microsoft") == user
    assert tenant.writes() == writes


@pytest.mark.third_parties
def test_a_new_license_moves_the_user_once_the_service_has_it(
    system: System, tenant: Tenant
) -> None:
    """License assigned, service not there yet: the user waits untouched, and is moved later."""
    user, writes = tenant.take("unlicensed_third_party"), tenant.writes()
    with system.changing():
        tenant.assign(user)
        waiting = system.wait_for(user, "waiting")
    assert waiting["entries"] == user["entries"]
    assert tenant.writes() == writes
    with system.changing(user):
        tenant.advance(LAG)
        moved = system.wait_for(user, "moved")
    assert moved["provider"] == MICROSOFT
    assert system.storage.saved(user["id"]) == [user["original_entries"]]
    assert system.storage.row("waiting", user["id"]) is None


@pytest.mark.third_parties
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("suspended", "Suspended"),
        ("warning", "Warning"),
        ("plan_disabled", "Deleted"),
        ("locked_out", "LockedOut"),
        ("unlicensed_third_party", None),
    ],
)
def test_an_unlicensed_user_is_never_touched(
    system: System, tenant: Tenant, kind: str, status: str | None
) -> None:
    """Whatever the plan's status is, if it is not Enabled the third party stays."""
    user, writes = tenant.take(kind, third_party=True), tenant.writes()
    assert user["planStatus"] == status
    with system.changing():
        tenant.nudge(user)
        assert system.wait_for(user, "unlicensed") == user
    assert tenant.writes() == writes


@pytest.mark.third_parties
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("room", "a meeting room's account"),
        ("resource", "a resource account"),
        ("guest", "a guest"),
        ("on_premises", "homed on premises: conferencing is set there"),
        ("ineligible", "Teams calls the account (ineligible|type Unknown)"),
    ],
)
def test_an_account_that_is_no_user_is_never_touched(
    system: System, tenant: Tenant, kind: str, reason: str
) -> None:
    """Rooms, resource accounts, guests and the like look newly licensed, and stay as they are."""
    account, writes = tenant.take(kind, third_party=True), tenant.writes()
    assert account["licensed"]
    with system.changing():
        tenant.nudge(account)
        assert system.wait_for(account, "excluded") == account
    assert tenant.writes() == writes
    row = system.storage.row("users", account["id"])
    assert row
    assert re.fullmatch(reason, row["reason"])


@pytest.mark.parametrize("how", ["id", "name"])
def test_a_user_excluded_by_setting_is_never_touched(
    system: System, tenant: Tenant, excluded: dict[str, User], how: str
) -> None:
    """ACP_EXCLUDED_USERS holds by id and by principal name, in any case of its letters."""
    user, writes = excluded[how], tenant.writes()
    with system.changing():
        tenant.nudge(user)
        assert system.wait_for(user, "excluded") == user
    assert tenant.writes() == writes


@pytest.mark.third_parties
def test_a_user_being_deleted_is_never_touched(system: System, tenant: Tenant) -> None:
    """A licensed third-party user goes to the deleted items: Graph notifies, nothing is set."""
    user, writes = tenant.take("third_party"), tenant.writes()
    with system.changing():
        tenant.delete(user)
        system.wait_until_idle()
    assert tenant.user(user["id"])["entries"] == user["entries"]
    assert tenant.writes() == writes


def test_a_user_in_the_deleted_items_is_never_touched(system: System, tenant: Tenant) -> None:
    """Teams still lists a deleted user with a third party; a late notification changes nothing."""
    user, writes = tenant.take("soft_deleted"), tenant.writes()
    with system.changing():
        system.host.webhook({"value": [system.notification(user)]})
        system.wait_until_idle()
    assert tenant.user(user["id"]) == user
    assert tenant.writes() == writes


@pytest.mark.third_parties
def test_the_log_tells_of_the_move_and_keeps_the_passcode(system: System, tenant: Tenant) -> None:
    """The log of a move names outcome and reason; no passcode, secret, token or user id."""
    user, before = tenant.take("third_party", entries=2), len(system.host.output)
    with system.changing(user):
        tenant.nudge(user)
        system.wait_for(user, "moved")
    log = system.host.output[before:]
    assert "decision=replace outcome=moved " in log
    assert " user=user-" in log
    assert f'reason="the provider is {user["provider"]}"' in log
    assert user["id"] not in log
    assert user["userPrincipalName"] not in log
    assert len(codes(tenant.users(), system.storage)) > 20
    assert system.secrets_in_log() == set()
