"""The app settings in Bicep and the settings that the code knows are the same, both ways."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tree_sitter import Node

from infra.checks import bicep
from infra.checks.bicep import BicepFile
from infra.checks.problem import Problem
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
    }
)
"""Settings that the Functions host reads ("App settings reference for Azure Functions")."""

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

_OURS: Final = re.compile(r"ACP_\w+|AzureWebJobsStorage\w*|WEBSITE_\w+|APPLICATIONINSIGHTS_\w+")
_EXAMPLES: Final = {
    "ACP_TENANT_ID": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
    "AzureWebJobsStorage__tableServiceUri": "https://x.table.core.windows.net",
    "AzureWebJobsStorage__queueServiceUri": "https://x.queue.core.windows.net",
    "ACP_EVENT_GRID_SUBSCRIPTION": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c12",
    "ACP_EVENT_GRID_RESOURCE_GROUP": "rg-x",
    "ACP_EVENT_GRID_TOPIC": "x",
    "ACP_EVENT_GRID_LOCATION": "westeurope",
}
_PARAMETERS: Final = "infra/main.parameters.json"


def check(folder: Path) -> list[Problem]:
    """Find settings that are missing, unknown, forbidden or given a value that the app refuses."""
    files = bicep.files(folder)
    given = {
        name: (file, node) for file in files for name, node in _pairs(file) if _OURS.fullmatch(name)
    }
    return [
        *_missing(given),
        *_unknown(given),
        *(problem for file in files for problem in _forbidden(file)),
        *_refused(given),
        *_variables(folder, given),
    ]


def known() -> set[str]:
    """The names of all settings that the code reads."""
    return {str(field.alias) for field in Settings.model_fields.values()}


def _pairs(file: BicepFile) -> Iterator[tuple[str, Node]]:
    """Names with values: `NAME: value` and `{ name: 'NAME', value: value }`."""
    for node in bicep.walk(file.root):
        if node.type == "object":
            found = bicep.properties(node)
            yield from found.items()
            name = bicep.literal(found.get("name"))
            if isinstance(name, str) and "value" in found:
                yield name, found["value"]


def _missing(given: Mapping[str, tuple[BicepFile, Node]]) -> Iterator[Problem]:
    for name in sorted(known() - set(given) - set(NOT_IN_AZURE)):
        yield Problem(
            "infra/main.bicep",
            f"the app's setting {name} is not set",
            "Add it to appSettings there, with a parameter, or to NOT_IN_AZURE with its reason",
        )
    for name in sorted(set(NOT_IN_AZURE) - known()):
        yield Problem(
            "infra/checks/settings.py", f"NOT_IN_AZURE names {name}, no setting", "Remove it"
        )


def _unknown(given: Mapping[str, tuple[BicepFile, Node]]) -> Iterator[Problem]:
    for name, (file, node) in given.items():
        if name in NOT_IN_AZURE:
            yield Problem(
                file.name, f"{name} is set: {NOT_IN_AZURE[name]}", "Remove it", bicep.line(node)
            )
        elif name not in known() | OF_THE_HOST and not FORBIDDEN_ON_FLEX.fullmatch(name):
            yield Problem(
                file.name,
                f"{name} is no setting of the app",
                "Mend the name, or define it in shared/settings/settings.py",
                bicep.line(node),
            )


def _forbidden(file: BicepFile) -> Iterator[Problem]:
    for name, node in _pairs(file):
        if FORBIDDEN_ON_FLEX.fullmatch(name):
            yield Problem(
                file.name, f"Flex Consumption takes no {name}", "Remove it", bicep.line(node)
            )


def _refused(given: Mapping[str, tuple[BicepFile, Node]]) -> Iterator[Problem]:
    """Defaults that the app would not start with."""
    for name, (file, node) in given.items():
        parameter = file.of_kind("parameter").get(bicep.text(node))
        value = bicep.literal(parameter.value if parameter else node)
        if name in known() and value not in (None, ""):
            try:
                Settings.from_environment(_EXAMPLES | {name: str(value)})
            except SettingsError as error:
                yield Problem(
                    file.name,
                    f"the app refuses the default of {name}: {str(error).splitlines()[1].strip()}",
                    "Mend the default",
                    parameter.line if parameter else bicep.line(node),
                )


def _variables(folder: Path, given: Mapping[str, tuple[BicepFile, Node]]) -> Iterator[Problem]:
    """A parameter that fills one setting is filled from the variable of the same name."""
    path = folder / _PARAMETERS
    if not path.is_file():
        return  # infra.checks.parameters tells
    values = json.loads(path.read_text(encoding="utf-8")).get("parameters", {})
    for name, (file, node) in given.items():
        parameter = bicep.text(node)
        variable = str(values.get(parameter, {}).get("value", ""))
        if (
            name.startswith("ACP_")
            and parameter in file.of_kind("parameter")
            and not re.fullmatch(rf"\$\{{{name}(=.*)?\}}", variable)
        ):
            yield Problem(
                _PARAMETERS, f"{parameter} is filled from {variable!r}", f"Write ${{{name}}}"
            )
