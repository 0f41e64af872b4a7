"""`acp grant` completes the app registration with which people sign in to the console."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.tenant.identity.principals import Claims
from tests.e2e.command_line import Ended
from tests.integration.cli.grant.world import GrantingWorld, serving

APP = "https://acp-mover.azurewebsites.net"
SIGN_IN = {"Sign-in: redirect address", "Sign-in: app roles", "Sign-in: federated credential"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GrantingWorld]:
    """A tenant with an app registration that has nothing; a Global Administrator is signed in."""
    with serving(tmp_path) as world:
        world.sign_in("Global Administrator")
        yield world


def client_id(world: GrantingWorld) -> str:
    """The client id of the app registration."""
    return str(world.control("GET", "/identity")["registration"])


def registration(world: GrantingWorld) -> tuple[Claims, list[Claims]]:
    """The app registration and its federated credentials, as Graph shows them."""
    token = world.control("POST", "/administrator/token", {})["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    applications = f"{world.origin}/v1.0/applications"
    found = world.http.get(f"{applications}(appId='{client_id(world)}')", headers=headers).json()
    its = f"{applications}/{found['id']}/federatedIdentityCredentials"
    trusted = world.http.get(its, headers=headers).json()
    return found, trusted["value"]


def grant(world: GrantingWorld, *words: str) -> Ended:
    """Run `acp grant` with what azd knows of the deployment."""
    return world.acp(
        *words, "--output", "json", AUTH_CLIENT_ID=client_id(world), SERVICE_API_URI=APP
    )


def verdicts(ended: Ended) -> set[str]:
    """The verdicts of the parts of the sign-in."""
    found = {row["part"]: row["verdict"] for row in ended.json}
    assert set(found) >= SIGN_IN
    return {found[part] for part in SIGN_IN}


def test_redirect_address_roles_and_trust(world: GrantingWorld) -> None:
    """What is missing is added and whatever else is there stays; a second time nothing is written."""
    grant(world)
    found, trusted = registration(world)
    assert found["web"] == {
        "redirectUris": [f"{APP}/.auth/login/aad/callback"],
        "implicitGrantSettings": {
            "enableAccessTokenIssuance": False,
            "enableIdTokenIssuance": True,
        },
    }
    roles = found["appRoles"]
    assert isinstance(roles, list)
    assert [role["value"] for role in roles] == ["Conferencing.Read", "Conferencing.Write"]
    assert trusted == [
        {
            "name": "acp-mover-console",
            "issuer": f"https://login.microsoftonline.com/{world.tenant_id}/v2.0",
            "subject": world.identity,
            "audiences": ["api://AzureADTokenExchange"],
        }
    ]
    before = world.writes
    assert verdicts(grant(world)) == {"ok"}
    assert world.writes == before
    assert verdicts(grant(world, "--app", "https://acp.contoso.example", "--what-if")) == {
        "ok",
        "would do",
    }


def test_what_if_writes_nothing(world: GrantingWorld) -> None:
    """It says what would be added, and the registration stays as it is; named by options, without azd."""
    named = ("--console", client_id(world), "--app", APP)
    ended = world.acp(*named, "--what-if", "--output", "json")
    assert verdicts(ended) == {"would do"}
    assert world.writes == 0
    assert registration(world)[1] == []


def test_a_person_who_may_grant_but_not_register(world: GrantingWorld) -> None:
    """The rights are granted, and the message names the role that the sign-in's steps need."""
    world.sign_in("Privileged Role Administrator")
    ended = grant(world)
    assert ended.status == 1
    assert "a step of the sign-in Application Administrator" in ended.err
    assert f"--console {client_id(world)} --app {APP}" in ended.err
    assert registration(world)[1] == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"AUTH_CLIENT_ID": "console"}, "--console 'console' is no client id"),
        ({"SERVICE_API_URI": ""}, "--console: where is the app?"),
        ({"SERVICE_API_URI": "http://acp.example"}, "an https:// address is needed"),
        ({"AUTH_CLIENT_ID": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"}, "no such app registration"),
    ],
)
def test_bad_input(world: GrantingWorld, values: dict[str, str], said: str) -> None:
    """Status 2 and what is wrong, before anything is written."""
    known = {"AUTH_CLIENT_ID": client_id(world), "SERVICE_API_URI": APP}
    ended = world.acp(**(known | values))
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert world.writes == 0
