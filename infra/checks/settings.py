"""The app settings that would be deployed and the settings that the code knows are the same, both ways."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from infra.checks.predicted import resources
from infra.checks.problem import Problem, in_source
from shared.errors import SettingsError
from shared.settings.settings import Settings

NOT_IN_AZURE: Final = {
    "AzureWebJobsStorage": "a connection string holds a key, and shared keys are off in Azure",
    "ACP_GRAPH_URL": "leads to a simulated tenant; the national clouds have ACP_CLOUD",
    "ACP_TEAMS_URL": "leads to a simulated tenant; the national clouds have ACP_CLOUD",
    "ACP_SIGN_IN_CLIENT_ID": "only the command line reads it",
    "ACP_SIGN_IN_URL": "only the command line reads it",
    "WEBSITE_HOSTNAME": "Azure sets it",
}
"""Settings of the code that Bicep must not set, each with its reason."""

OF_THE_HOST: Final = frozenset(
    {
        "AzureWebJobsStorage__credential",
        "AzureWebJobsStorage__clientId",
        "AzureWebJobsStorage__blobServiceUri",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    }
)
"""Settings that the Functions host reads ("App settings reference for Azure Functions"), and that of App
Service authentication which stands for a client secret."""

FORBIDDEN_ON_FLEX: Final = re.compile(
    "FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_WORKER_PROCESS_COUNT|FUNCTIONS_EXTENSION_VERSION"
    "|WEBSITE_RUN_FROM_PACKAGE|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD"
    "|WEBSITE_AUTH_ENABLED|WEBSITE_CONTENT.*|WEBSITE_TIME_ZONE|WEBSITE_NODE_DEFAULT_VERSION"
    "|alwaysOn|ftpsState|linuxFxVersion|pythonVersion|use32BitWorkerProcess|preWarmedInstanceCount"
    "|functionAppScaleLimit|minimumElasticInstanceCount|functionsRuntimeScaleMonitoringEnabled"
)
"""Settings and site properties that Flex Consumption does not take ("App settings reference for Azure
Functions", section "Flex Consumption plan deprecations").
WEBSITE_AUTH_ENABLED is the platform's word that it checks sign-ins: set by hand it would let forged
ones in."""

AT_RUN_TIME: Final = {
    "AzureWebJobsStorage__tableServiceUri": "https://x.table.core.windows.net",
    "AzureWebJobsStorage__queueServiceUri": "https://x.queue.core.windows.net",
}
"""Stand-ins for addresses that are known only once the storage account is there."""

_SITE: Final = "Microsoft.Web/sites"


def check(folder: Path) -> list[Problem]:
    """Find settings that are missing, unknown, forbidden or given a value that the app refuses."""
    problems = [*_forbidden(folder)]
    for given in deployed(folder).values():
        problems += [*_differences(folder, given), *_refused(folder, given)]
    return problems


def deployed(folder: Path) -> dict[str, dict[str, str]]:
    """The app settings of each predicted deployment that has an app, by its snapshot."""
    configs = resources(folder, f"{_SITE}/config")
    return {one.deployment: one.body["properties"] for one in configs if one.name == "appsettings"}


def literal(given: Mapping[str, str]) -> dict[str, str]:
    """The settings whose value is known beforehand, with stand-ins for the addresses that are not."""
    known_now = {name: value for name, value in given.items() if not value.startswith("[")}
    return {name: AT_RUN_TIME[name] for name in AT_RUN_TIME if name in given} | known_now


def known() -> set[str]:
    """The names of all settings that the code reads."""
    return {str(field.alias) for field in Settings.model_fields.values()}


def _differences(folder: Path, given: Mapping[str, str]) -> Iterator[Problem]:
    for name in sorted(known() - given.keys() - NOT_IN_AZURE.keys()):
        do = "Add it to appSettings, with a parameter, or to NOT_IN_AZURE with its reason"
        yield in_source(folder, f"the app's setting {name} is not set", do, "appSettings:")
    for name in sorted(given.keys() - known() - OF_THE_HOST):
        if not FORBIDDEN_ON_FLEX.fullmatch(name):
            do = "Correct the name, or define it as a setting of the app"
            yield in_source(folder, f"{name} is no setting of the app", do, f"{name}:")
    for name in sorted(given.keys() & NOT_IN_AZURE.keys()):
        yield in_source(folder, f"{name} is set: {NOT_IN_AZURE[name]}", "Remove it", f"{name}:")
    for name in sorted(NOT_IN_AZURE.keys() - known()):
        yield Problem("infra/checks/settings.py", f"no setting is called {name}", "Remove it")


def _refused(folder: Path, given: Mapping[str, str]) -> Iterator[Problem]:
    """Values that the app would not start with."""
    try:
        Settings.from_environment(literal(given))
    except SettingsError as error:
        for fault in str(error).splitlines()[1:]:
            words = re.findall(r"\w+", fault)
            wrong = f"the app refuses it: {fault.strip()}"
            yield in_source(folder, wrong, "Correct the value", *(f"{word}:" for word in words[:1]))


def _forbidden(folder: Path) -> Iterator[Problem]:
    for one in resources(folder, _SITE, f"{_SITE}/config"):
        for name in _keys(one.body):
            if FORBIDDEN_ON_FLEX.fullmatch(name):
                wrong = f"Flex Consumption takes no {name}"
                yield in_source(folder, wrong, "Remove it", f"{name}:")


def _keys(value: Any) -> Iterator[str]:
    """Every property's name, however deep."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        yield from _keys(inner)
