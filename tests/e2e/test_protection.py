"""Rule 9 for real: what excludes protects, or the app says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.command_line import CommandLine
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant, User

pytestmark = pytest.mark.third_parties


@pytest.fixture(scope="module")
def excluded(azurite_server: Azurite, folder: Path) -> Iterator[tuple[System, User, User]]:
    """An app that excludes two users, one by a mail address, with a semicolon between them."""
    with Tenant(folder, users=60, seed=47) as tenant:
        first, second = tenant.take("third_party"), tenant.take("third_party")
        mail = tenant.give_mail(second, "Second.Desk@post.contoso.example")
        names = f"{first['userPrincipalName'].upper()}; sip:{mail}"
        with System(azurite_server, tenant, folder, {"ACP_EXCLUDED_USERS": names}) as system:
            system.wait_until_subscribed()
            yield system, first, second


def test_both_users_are_excluded(excluded: tuple[System, User, User]) -> None:
    """K6: `A; B` names two users by any address, as `acp move --users` reads it: neither is changed."""
    system, *users = excluded
    with system.changing():
        for user in users:
            system.tenant.nudge(user)
            assert system.wait_for(user, "excluded") == user


def test_the_command_line_refuses_other_exclusions(
    excluded: tuple[System, User, User], folder: Path
) -> None:
    """`acp move` with settings that protect other users changes nobody and names the settings."""
    system, first, _ = excluded
    wait_until(
        lambda: system.storage.row("state", "protection"), "the settings are stored", TIME_LIMIT
    )
    acp = CommandLine(folder / "protection", system.settings)
    with system.changing():
        done = acp("move", "--users", first["id"], "--yes", ACP_EXCLUDED_USERS="", ACP_MODE="move")
    assert done.status == 2
    assert "ACP_EXCLUDED_USERS: other than in the deployed app; nothing was changed" in done.err
    other = system.tenant.take("third_party")
    with system.changing(other):
        done = acp("move", "--users", f"{other['id']},{first['id']}", "--yes", "--output", "json")
    assert done.outcomes == {other["id"]: "moved", first["id"]: "excluded"}


@pytest.mark.large
def test_a_renamed_user_stays_excluded(excluded: tuple[System, User, User]) -> None:
    """The id of the name is remembered, also by a process that begins after the renaming.

    In every run: moving/test_standing_rules.py.
    """
    system, first, _ = excluded
    with system.changing():
        system.tenant.rename(first, "renamed@contoso.example")
        system.host.stop()
        system.host.start()
        system.storage.queue_users(first["id"])
        row = system.storage.row("users", first["id"])
        wait_until(
            lambda: system.storage.row("users", first["id"]) != row, "another look", TIME_LIMIT
        )
    assert system.storage.outcome(first["id"]) == "excluded"
    assert system.tenant.user(first["id"])["entries"] == first["entries"]


def test_an_exclusion_that_names_nobody_is_told(
    excluded: tuple[System, User, User], folder: Path
) -> None:
    """The name of nobody: in the log at start, in health and in the doctor, with the entry."""
    system, _, second = excluded
    names = f"gone@contoso.example {second['userPrincipalName']}"
    system.host.stop()
    before = len(system.host.output)
    system.host.start(ACP_EXCLUDED_USERS=names)
    wait_until(lambda: "rule_broken" in system.host.output[before:], "a warning", TIME_LIMIT)
    said = "ACP_EXCLUDED_USERS: 'gone@contoso.example' names nobody, so it protects nobody"
    assert said in system.host.output[before:]
    wait_until(
        lambda: system.host.health().json()["checks"]["rules"] == "failing", "health", TIME_LIMIT
    )
    acp = CommandLine(folder / "protection", system.settings)
    doctor = acp("doctor", ACP_EXCLUDED_USERS=names)
    assert doctor.status == 1
    assert "'gone@contoso.example' names nobody" in doctor.out
    user = system.tenant.take("third_party")
    with system.changing(user):
        system.tenant.nudge(user)
        assert system.wait_for(user, "moved")["provider"] == MICROSOFT
