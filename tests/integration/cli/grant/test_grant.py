"""`acp grant` against a served tenant, signed in by an `az` that is a program of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_line import Ended
from tests.integration.cli.grant.world import GrantingWorld, serving

USERS, GROUPS, LICENSES = (
    "User.Read.All",
    "GroupMember.Read.All",
    "LicenseAssignment.ReadWrite.All",
)
TEAMS = "Teams Administrator"
SOMEBODY = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GrantingWorld]:
    """A tenant whose identity has no rights yet."""
    with serving(tmp_path) as world:
        yield world


def verdicts(ended: Ended) -> dict[str, str]:
    """The verdict of each part, of a command with `--output json`."""
    return {row["part"]: row["verdict"] for row in ended.json}


def test_grants_what_the_settings_need(world: GrantingWorld) -> None:
    """Users always; groups and licenses by the settings; the role; nothing else."""
    world.settings = {"ACP_EXCLUDED_GROUPS": SOMEBODY, "ACP_REPROCESS_LICENSES": "true"}
    ended = world.acp("--output", "json")
    assert ended.status == 0, ended.err
    assert set(verdicts(ended).values()) == {"done"}
    assert world.rights == (sorted([USERS, GROUPS, LICENSES]), [TEAMS])
    assert f"object id {world.identity}" in ended.err
    assert "name it with --app" in ended.err


def test_run_twice(world: GrantingWorld) -> None:
    """The second time all is there: status 0, and nothing is written."""
    assert world.acp().status == 0
    before = world.writes
    ended = world.acp("--output", "json")
    assert ended.status == 0
    assert verdicts(ended) == {f"Graph permission {USERS}": "ok", f"Entra role {TEAMS}": "ok"}
    assert world.writes == before


def test_what_if_writes_nothing(world: GrantingWorld) -> None:
    """It tells what would be done, and the tenant has counted no call that writes."""
    ended = world.acp("--what-if", "--app", "https://app.example", "--output", "json")
    assert ended.status == 0
    assert set(verdicts(ended).values()) == {"would do"}
    assert "change subscription" in verdicts(ended)
    assert world.writes == 0
    assert world.rights == ([], [])


def test_by_client_id_and_another_role(world: GrantingWorld) -> None:
    """The client id names the identity, too; the role is found by its name or id."""
    client_id = world.control("GET", "/identity")["clientId"]
    role = "teams communications administrator"
    assert world.acp("--identity", client_id, "--role", role).status == 0
    assert world.rights == ([USERS], ["Teams Communications Administrator"])


def test_the_surroundings_name_the_identity(world: GrantingWorld) -> None:
    """What azd puts into the environment is enough."""
    known, world.identity = world.identity, ""
    ended = world.acp(IDENTITY_PRINCIPAL_ID=known, AZURE_TENANT_ID=SOMEBODY)
    assert ended.status == 0, "ACP_TENANT_ID wins over the tenant of the subscription"
    assert world.rights == ([USERS], [TEAMS])


def test_no_identity_is_named(world: GrantingWorld) -> None:
    """Status 2 and where to name it."""
    world.identity = ""
    ended = world.acp()
    assert ended.status == 2
    assert "--identity or IDENTITY_PRINCIPAL_ID" in ended.err


def test_too_much_is_remarked_on(world: GrantingWorld) -> None:
    """A permission that is not needed is a warning, and goes only with `--revoke`."""
    world.grant_by_hand("Mail.Send")
    remark = world.acp("--output", "json")
    assert remark.status == 0
    assert verdicts(remark)["Graph permission Mail.Send"] == "warning"
    assert "Mail.Send" in world.rights[0]
    planned = world.acp("--revoke", "--what-if", "--output", "json")
    assert verdicts(planned)["Graph permission Mail.Send"] == "would do"
    assert "Mail.Send" in world.rights[0]
    revoked = world.acp("--revoke", "--output", "json")
    assert verdicts(revoked)["Graph permission Mail.Send"] == "done"
    assert world.rights == ([USERS], [TEAMS])


@pytest.mark.parametrize("roles", [(), ("Application Administrator",), ("Global Reader",)])
def test_without_the_right(world: GrantingWorld, roles: tuple[str, ...]) -> None:
    """One line names the role to ask for, a text can be handed on, and nothing was written."""
    world.settings = {"ACP_EXCLUDED_GROUPS": SOMEBODY}
    world.sign_in(*roles)
    ended = world.acp()
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.count("error: ") == 1
    assert "it needs the Entra role Privileged Role Administrator" in ended.err
    assert "Nothing was changed" in ended.err
    assert f"ACP_EXCLUDED_GROUPS={SOMEBODY} acp grant --tenant {world.tenant_id}" in ended.err
    assert GROUPS in ended.err
    assert world.writes == 0


def test_reading_is_enough_where_all_is_there(world: GrantingWorld) -> None:
    """Who may not grant can still see that nothing is missing, or what is."""
    world.sign_in("Global Reader")
    missing = world.acp("--what-if")
    assert missing.status == 0
    assert "You do not have the right to do this" in missing.err
    world.sign_in("Privileged Role Administrator")
    assert world.acp().status == 0
    world.sign_in("Global Reader")
    assert world.acp().status == 0


def test_a_token_of_another_tenant(world: GrantingWorld) -> None:
    """Status 2, both tenants named, before anything is asked of Graph."""
    world.az_elsewhere(SOMEBODY)
    ended = world.acp()
    assert (ended.status, ended.out) == (2, "")
    assert f"signed in to tenant {SOMEBODY}, but {world.tenant_id} is meant" in ended.err
    assert world.control("GET", "/counters")["calls"] == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tenant", SOMEBODY), "which is meant?"),
        (("--identity", SOMEBODY), "the tenant has no such identity"),
        (("--identity", "the-app"), "is no id"),
        (("--role", "Teams Adminstrator"), "did you mean 'Teams Administrator'?"),
        (("--app", "http://app.example", "--wait", "-1"), "--wait"),
        (("--sign-in", "device"), "ACP_SIGN_IN_CLIENT_ID"),
        (("--sign-in", "guess"), "guess"),
    ],
)
def test_bad_input(world: GrantingWorld, words: tuple[str, ...], said: str) -> None:
    """Status 2, one line that names what is wrong, nothing written."""
    ended = world.acp(*words)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert world.writes == 0


def test_an_application_is_no_managed_identity(world: GrantingWorld) -> None:
    """The id of something else gets no rights: Graph's own, for example."""
    ended = world.acp("--identity", "00000003-0000-0000-c000-000000000000")
    assert ended.status == 2
    assert "'Microsoft Graph', a service principal of type Application" in ended.err
    assert world.writes == 0


def test_a_malformed_setting(world: GrantingWorld) -> None:
    """Status 2 and the setting's name, rather than too few rights."""
    ended = world.acp(ACP_EXCLUDED_GROUPS="board")
    assert ended.status == 2
    assert "ACP_EXCLUDED_GROUPS is 'board'" in ended.err


def test_no_tokens_over_the_open_network(world: GrantingWorld) -> None:
    """An administrator's token goes to no address without TLS, except on this machine."""
    ended = world.acp(ACP_GRAPH_URL="http://graph.example")
    assert ended.status == 2
    assert "ACP_GRAPH_URL is 'http://graph.example': tokens go over https" in ended.err


def test_az_is_missing(world: GrantingWorld) -> None:
    """Status 3; what to install and the other way to sign in are named."""
    ended = world.acp(path="")
    assert ended.status == 3
    assert "the Azure CLI (az) is not on PATH" in ended.err
    assert "--sign-in device" in ended.err


def test_az_is_not_signed_in(world: GrantingWorld) -> None:
    """Status 3; what az says and the command to sign in."""
    said = "WARNING: something else\nERROR: Please run 'az login' to setup account.\n"
    world.az_prints(err=said, status=1)
    ended = world.acp()
    assert ended.status == 3
    assert "az says: Please run 'az login' to setup account." in ended.err
    assert f"az login --tenant {world.tenant_id}" in ended.err


@pytest.mark.parametrize("out", ["", "no JSON", "[]", '{"accessToken_": 1}', "null"])
def test_az_answers_otherwise(world: GrantingWorld, out: str) -> None:
    """Status 3 and one line, never a traceback."""
    world.az_prints(out)
    ended = world.acp()
    assert ended.status == 3
    assert "az answered without a token" in ended.err


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ((400, "Request_BadRequest"), 3, "run the command again to continue with the rest"),
        ((403, "Authorization_RequestDenied"), 1, "RoleManagement.ReadWrite.Directory"),
    ],
)
def test_failure_in_the_middle_then_again(
    world: GrantingWorld, answer: tuple[int, str], status: int, said: str
) -> None:
    """The steps tell what is done and what is not; the next run does the rest, once."""
    world.settings = {"ACP_REPROCESS_LICENSES": "true"}
    world.gate.refused["POST", "roleAssignments"] = answer
    ended = world.acp("--output", "json")
    assert ended.status == status
    assert said in ended.err
    assert verdicts(ended) == {
        f"Graph permission {USERS}": "done",
        f"Graph permission {LICENSES}": "done",
        f"Entra role {TEAMS}": "failed",
    }
    world.gate.refused.clear()
    again = world.acp("--output", "json")
    assert again.status == 0
    assert verdicts(again)[f"Graph permission {USERS}"] == "ok"
    assert verdicts(again)[f"Entra role {TEAMS}"] == "done"
    assert world.rights == (sorted([USERS, LICENSES]), [TEAMS])


def test_after_a_failure_nothing_more_is_written(world: GrantingWorld) -> None:
    """The first step fails: the others are told as not done."""
    world.gate.refused["POST", "appRoleAssignments"] = (400, "Request_BadRequest")
    ended = world.acp("--output", "json")
    assert verdicts(ended) == {
        f"Graph permission {USERS}": "failed",
        f"Entra role {TEAMS}": "not done",
    }
    assert world.rights == ([], [])
