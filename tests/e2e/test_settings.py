"""A missing or malformed setting: the host does not start, and says what to set and where."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from local.commands import ROOT
from local.stack import copy_app
from tests.e2e.tenant import TIME_LIMIT

TENANT_ID = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param(
            {"AzureWebJobsStorage": ""},
            ["AzureWebJobsStorage", "connection string"],
            marks=pytest.mark.large,
        ),
        (
            {"ACP_TENANT_ID": "", "ACP_SWEEP_SCHEDULE": "at night", "ACP_MOD": "report"},
            [
                *("ACP_TENANT_ID: missing", "a GUID"),
                *("ACP_SWEEP_SCHEDULE is 'at night'", "six fields are needed"),
                *("ACP_MOD: no such setting, it is not read", "did you mean ACP_MODE?"),
            ],
        ),
    ],
    ids=["one missing", "several wrong"],
)
def test_the_host_refuses_to_start_and_names_the_setting(
    azurite_server: Azurite, folder: Path, settings: dict[str, str], words: list[str]
) -> None:
    """Exit status, the setting's name, its expected form, and where it is set."""
    environment = {
        "PATH": "",
        "PYTHONPATH": str(ROOT),
        "AzureWebJobsStorage": azurite_server.connection_string,
        "ACP_TENANT_ID": TENANT_ID,
        **settings,
    }
    command = [
        sys.executable,
        "-m",
        "cli",
        "host",
        "--port",
        "0",
        "--root",
        str(copy_app(folder)),
    ]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    places = ["environment variables (Azure)", "local.settings.json", "docs/settings.md"]
    assert not [word for word in [*words, *places] if word not in ended.stderr], ended.stderr
    assert azurite_server.connection_string not in ended.stderr
