"""App settings: environment variables, local.settings.json, `%NAME%` and connections."""

import json
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from local.host.errors import SettingError

LOCAL_SETTINGS = "local.settings.json"
_PLACEHOLDER = re.compile(r"%([^%]+)%")


def load_local_settings(root: Path, environment: MutableMapping[str, str]) -> list[str]:
    """Copy `Values` of local.settings.json into `environment`; returns the names copied.

    Variables that exist already win, as in Core Tools
    (https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file).
    A missing file is fine; a bad one raises `SettingError`.
    """
    file = root / LOCAL_SETTINGS
    if not file.is_file():
        return []
    copied = []
    for name, value in read_values(file).items():
        if name not in environment:
            environment[name] = value
            copied.append(name)
    return copied


def read_values(file: Path) -> dict[str, str]:
    """The `Values` of a file in the form of local.settings.json; a bad one raises `SettingError`."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SettingError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingError(f"{file} must hold a JSON object")
    if content.get("IsEncrypted"):
        raise SettingError(f"{file} is encrypted (IsEncrypted): decrypt it with Core Tools first")
    values = content.get("Values", {})
    if not isinstance(values, dict):
        raise SettingError(f"{file}: Values must be an object")
    for name, value in values.items():
        if not isinstance(value, str):
            raise SettingError(f"{file}: the value of {name!r} must be a string")
    return values


def resolve(text: str, environment: Mapping[str, str], where: str) -> str:
    """Replace each `%NAME%` by the app setting NAME.

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns.
    Raises `SettingError` naming the setting and `where` it is used when it does not exist.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise SettingError(f"app setting {name!r}, used in {where}, is not set")
        return environment[name]

    return _PLACEHOLDER.sub(value, text)


def connection_string(name: str, environment: Mapping[str, str], where: str) -> str:
    """The storage connection string behind a binding's `connection`.

    The setting is called `name` or `AzureWebJobs` + `name`; an empty name means
    AzureWebJobsStorage. Identity-based connections (`name__queueServiceUri`) exist only in Azure.
    Raises `SettingError` when there is none.
    """
    name = name or "AzureWebJobsStorage"
    for candidate in (name, f"AzureWebJobs{name}"):
        if environment.get(candidate):
            return environment[candidate]
    if any(key.startswith(f"{name}__") for key in environment):
        raise SettingError(
            f"connection {name!r}, used in {where}, is identity-based:"
            " the local host needs a connection string"
        )
    raise SettingError(f"connection {name!r}, used in {where}, is not set")


def disabled(function: str, environment: Mapping[str, str]) -> bool:
    """Whether the app setting `AzureWebJobs.{function}.Disabled` switches the function off.

    https://learn.microsoft.com/azure/azure-functions/disable-function
    """
    for name in (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs__{function}__Disabled"):
        if environment.get(name, "").lower() in {"1", "true"}:
            return True
    return False
