"""The folder that a host runs the app from."""

import json
from pathlib import Path

from local.commands import ROOT
from local.stack import copy_app


def test_only_the_apps_two_files_are_copied(tmp_path: Path) -> None:
    """A developer's local.settings.json has no say in the copy."""
    app = copy_app(tmp_path)
    assert sorted(file.name for file in app.iterdir()) == ["function_app.py", "host.json"]
    assert json.loads((app / "host.json").read_text()) == json.loads(
        (ROOT / "host.json").read_text()
    )


def test_settings_of_the_queues_are_replaced(tmp_path: Path) -> None:
    """What is given differs, the rest of host.json stays; a second copy starts afresh."""
    given = {"maxPollingInterval": "00:00:00.200"}
    queues = json.loads((copy_app(tmp_path, given) / "host.json").read_text())["extensions"][
        "queues"
    ]
    original = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert queues == original | given
    again = json.loads((copy_app(tmp_path) / "host.json").read_text())["extensions"]["queues"]
    assert again == original
