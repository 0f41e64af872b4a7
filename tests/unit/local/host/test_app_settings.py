import json
from pathlib import Path

import pytest

from local.host.app_settings import connection_string, disabled, load_local_settings, resolve
from local.host.errors import SettingError


def write(folder: Path, content: object) -> None:
    """Write local.settings.json."""
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "local.settings.json").write_text(text)


def test_values_become_variables_without_replacing_any(tmp_path: Path) -> None:
    """A variable that exists wins over local.settings.json, as in Core Tools."""
    write(tmp_path, {"IsEncrypted": False, "Values": {"A": "file", "B": "file"}})
    environment = {"A": "shell"}
    assert load_local_settings(tmp_path, environment) == ["B"]
    assert environment == {"A": "shell", "B": "file"}


def test_no_file_is_fine(tmp_path: Path) -> None:
    """The file is optional: it is never deployed."""
    assert load_local_settings(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ([], "JSON object"),
        ({"IsEncrypted": True, "Values": {"A": "x"}}, "encrypted"),
        ({"Values": []}, "Values"),
        ({"Values": {"A": 1}}, "'A' must be a string"),
    ],
)
def test_bad_file_is_refused(tmp_path: Path, content: object, message: str) -> None:
    """A file that cannot be followed is named with what is wrong."""
    write(tmp_path, content)
    with pytest.raises(SettingError, match=message):
        load_local_settings(tmp_path, {})


def test_resolve_replaces_each_name() -> None:
    """%NAME% becomes the app setting, wherever it stands in the text."""
    environment = {"A": "1", "B": "2"}
    assert resolve("x-%A%-%B%-%A%", environment, "here") == "x-1-2-1"
    assert resolve("plain", environment, "here") == "plain"


def test_resolve_names_the_missing_setting_and_its_place() -> None:
    """The error says which setting is missing and where it is used."""
    with pytest.raises(SettingError, match=r"'QUEUE'.*the trigger of 'f'"):
        resolve("%QUEUE%", {}, "the trigger of 'f'")


def test_connection_by_name_prefix_and_default() -> None:
    """A connection is its own setting, or the one with AzureWebJobs in front."""
    environment = {"AzureWebJobsStorage": "s", "AzureWebJobsOther": "o", "Mine": "m"}
    assert connection_string("Mine", environment, "x") == "m"
    assert connection_string("Other", environment, "x") == "o"
    assert connection_string("", environment, "x") == "s"
    assert connection_string("Storage", environment, "x") == "s"


def test_missing_and_identity_based_connections_are_told_apart() -> None:
    """Identity-based connections are a thing of Azure only; the error says so."""
    with pytest.raises(SettingError, match=r"'Mine'.*is not set"):
        connection_string("Mine", {}, "x")
    with pytest.raises(SettingError, match="identity-based"):
        connection_string("Mine", {"Mine__queueServiceUri": "https://q"}, "x")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"AzureWebJobs.f.Disabled": "true"}, True),
        ({"AzureWebJobs__f__Disabled": "1"}, True),
        ({"AzureWebJobs.f.Disabled": "false"}, False),
        ({"AzureWebJobs.g.Disabled": "true"}, False),
    ],
)
def test_disabled(environment: dict[str, str], expected: bool) -> None:
    """A function is switched off by its own app setting."""
    assert disabled("f", environment) is expected
