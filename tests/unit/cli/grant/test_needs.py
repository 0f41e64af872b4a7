"""Which permissions the settings call for, and what a person is told to hand on."""

import pytest

from cli.grant.handover import handover
from cli.grant.needs import CONFIGURATIONS, GROUPS, LICENSES, USERS, needed, read_settings
from shared.errors import SettingsError
from tests.fakes import guid

TENANT = guid(90)


@pytest.mark.parametrize(
    ("settings", "permissions"),
    [
        ({}, [USERS]),
        ({"ACP_REPROCESS_LICENSES": "true"}, [USERS, LICENSES]),
        ({"ACP_REPROCESS_LICENSES": "false"}, [USERS]),
        ({"ACP_EXCLUDED_GROUPS": guid(1)}, [USERS, GROUPS]),
        ({"ACP_EXCLUDED_GROUPS": ""}, [USERS]),
        ({"ACP_NUMBER_RULES": "DE=+4969120012345; *=+14255550100"}, [USERS]),
        ({"ACP_NUMBER_RULES": f"{guid(1)}=+4969120012345; *=+14255550100"}, [USERS, GROUPS]),
        ({"ACP_TEAMS_API": "documented"}, [USERS, CONFIGURATIONS]),
        (
            {"ACP_TEAMS_API": "documented", "ACP_REPROCESS_LICENSES": "true"},
            [USERS, CONFIGURATIONS, LICENSES],
        ),
        (
            {
                "ACP_REPROCESS_LICENSES": "1",
                "ACP_EXCLUDED_GROUPS": guid(1),
                "ACP_NUMBER_RULES": f"{guid(2)}=+14255550100",
            },
            [USERS, LICENSES, GROUPS],
        ),
    ],
)
def test_permissions_follow_from_the_settings(
    settings: dict[str, str], permissions: list[str]
) -> None:
    """Reading users always; licenses and groups only where a setting asks for them."""
    needs = needed(read_settings(settings, TENANT))
    assert [need.permission for need in needs if not need.optional] == permissions


def test_settings_of_the_app_itself_are_not_asked_for() -> None:
    """What the grant has no use for is not read, be it missing or malformed."""
    settings = read_settings({"ACP_SWEEP_SCHEDULE": "never", "ACP_QUEUE": "!"}, TENANT)
    assert settings.tenant_id == TENANT


def test_a_malformed_setting_is_named() -> None:
    """Nobody is granted too little because a setting was misread."""
    with pytest.raises(SettingsError, match="ACP_EXCLUDED_GROUPS is 'board'"):
        read_settings({"ACP_EXCLUDED_GROUPS": "board"}, TENANT)


def test_handover_can_be_pasted() -> None:
    """It has the command with the settings that decide, quoted, and the list for other tools."""
    environment = {"ACP_NUMBER_RULES": f"{guid(1)}=+14255550100; *=+14255550101", "ACP_MODE": "x"}
    text = handover(
        tenant=TENANT,
        identity=guid(5),
        needs=needed(read_settings(environment, TENANT)),
        role="Teams Administrator",
        environment=environment,
    )
    assert (
        f"ACP_NUMBER_RULES='{guid(1)}=+14255550100; *=+14255550101' acp grant --tenant {TENANT} "
        f"--identity {guid(5)} --role 'Teams Administrator'"
    ) in text
    assert "ACP_MODE" not in text
    for word in ("Privileged Role Administrator", USERS, GROUPS, f"az login --tenant {TENANT}"):
        assert word in text
    assert LICENSES not in text


def test_handover_of_documented_mode_names_no_role() -> None:
    """The text asks for the two permissions and for no Entra role, and carries the mode."""
    environment = {"ACP_TEAMS_API": "documented"}
    needs = needed(read_settings(environment, TENANT))
    text = handover(
        tenant=TENANT, identity=guid(5), needs=needs, role=None, environment=environment
    )
    assert f"ACP_TEAMS_API=documented acp grant --tenant {TENANT} --identity {guid(5)}\n" in text
    granted = [line.split()[2] for line in text.splitlines() if "application permission" in line]
    assert granted == [USERS, CONFIGURATIONS]
    assert "Entra role" not in text
