"""Seeding a mistake into a copy of the infrastructure makes a check fail that names the file."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.checks.registry import PURE

ROOT = Path(__file__).parents[3]
STORAGE, MAIN, API = "infra/app/storage.bicep", "infra/main.bicep", "infra/app/api.bicep"
VALUES = "infra/main.parameters.json"
EVENTS, ROLES = "infra/eventgrid.bicep", "infra/app/roles.bicep"
DEPLOY = ".github/workflows/deploy.yml"


@dataclass(frozen=True)
class Mistake:
    """Replacing `right` by `wrong` in a file makes the named check fail; `named` is where it points."""

    what: str
    check: str
    file: str
    right: str
    wrong: str
    named: str = ""


MISTAKES = [
    Mistake(
        "a missing required setting",
        "settings, both ways",
        MAIN,
        "      ACP_TENANT_ID: entraTenant\n",
        "",
    ),
    Mistake("a missing setting", "settings, both ways", MAIN, "      ACP_CLOUD: cloud\n", ""),
    Mistake("an unknown setting", "settings, both ways", MAIN, "ACP_CLOUD:", "ACP_CLOUT:"),
    Mistake(
        "a setting that Flex Consumption refuses",
        "settings, both ways",
        API,
        "AzureWebJobsStorage__credential: 'managedidentity'",
        "FUNCTIONS_WORKER_RUNTIME: 'python'",
    ),
    Mistake(
        "a site property that Flex Consumption refuses",
        "settings, both ways",
        API,
        "http20Enabled: true",
        "alwaysOn: true",
    ),
    Mistake(
        "a connection string",
        "settings, both ways",
        API,
        "AzureWebJobsStorage__credential: 'managedidentity'",
        "AzureWebJobsStorage: 'AccountName=x'",
    ),
    Mistake(
        "a default that the app refuses",
        "settings, both ways",
        MAIN,
        "param graceHours string = ''",
        "param graceHours string = 'a day'",
    ),
    Mistake(
        "a setting filled from another's variable",
        "settings, both ways",
        VALUES,
        "${ACP_CLOUD}",
        "${ACP_LOG_USERS}",
    ),
    Mistake(
        "a wrong role id",
        "roles",
        ROLES,
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa4",
    ),
    Mistake(
        "another role's id",
        "roles",
        ROLES,
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    ),
    Mistake(
        "a role on the whole resource group",
        "roles",
        ROLES,
        "  scope: applicationInsights\n",
        "",
    ),
    Mistake(
        "a role by way of another resource type",
        "roles",
        ROLES,
        "'Microsoft.Authorization/roleDefinitions', roleIds.monitoring",
        "'Microsoft.Authorization/policyDefinitions', roleIds.monitoring",
    ),
    Mistake("a name that is nowhere", "references", MAIN, "name: functionAppName", "name: appName"),
    Mistake(
        "a module that is no file", "references", MAIN, "'app/roles.bicep'", "'app/rolls.bicep'"
    ),
    Mistake(
        "an output that is nowhere",
        "references",
        MAIN,
        "identity.outputs.id\n",
        "identity.outputs.i\n",
    ),
    Mistake(
        "a parameter that the module does not have",
        "references",
        MAIN,
        "    publicNetworkAccess: !vnetEnabled\n",
        "    public: !vnetEnabled\n",
    ),
    Mistake(
        "a parameter that the module is not given",
        "references",
        MAIN,
        "    operatorPrincipalType: principalType\n",
        "",
    ),
    Mistake(
        "a file that is not there",
        "references",
        MAIN,
        "'abbreviations.json'",
        "'abbreviation.json'",
    ),
    Mistake(
        "an unknown abbreviation",
        "references",
        MAIN,
        "abbreviations.webServerFarms",
        "abbreviations.farms",
    ),
    Mistake("an unknown function", "references", MAIN, "toLower(", "lower("),
    Mistake(
        "a parameter that nothing uses", "references", MAIN, "ACP_CLOUD: cloud", "ACP_CLOUD: mode"
    ),
    Mistake(
        "shared keys allowed",
        "keys, TLS, public access",
        STORAGE,
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
    ),
    Mistake(
        "shared keys left open",
        "keys, TLS, public access",
        STORAGE,
        "    allowSharedKeyAccess: false\n",
        "",
    ),
    Mistake("TLS 1.0", "keys, TLS, public access", STORAGE, "'TLS1_2'", "'TLS1_0'"),
    Mistake(
        "TLS 1.0 to the app",
        "keys, TLS, public access",
        API,
        "minTlsVersion: '1.2'",
        "minTlsVersion: '1.0'",
    ),
    Mistake(
        "public blob access",
        "keys, TLS, public access",
        STORAGE,
        "allowBlobPublicAccess: false",
        "allowBlobPublicAccess: true",
    ),
    Mistake(
        "a public container",
        "keys, TLS, public access",
        STORAGE,
        "publicAccess: 'None'",
        "publicAccess: 'Blob'",
    ),
    Mistake(
        "a log that keys may write",
        "keys, TLS, public access",
        "infra/app/monitoring.bicep",
        "DisableLocalAuth: true",
        "DisableLocalAuth: false",
    ),
    Mistake(
        "a schedule of five fields",
        "schedules",
        MAIN,
        "param sweepSchedule string = ''",
        "param sweepSchedule string = '0 2 * * *'",
    ),
    Mistake(
        "a schedule out of range",
        "schedules",
        MAIN,
        "ACP_SWEEP_SCHEDULE: sweepSchedule",
        "ACP_SWEEP_SCHEDULE: '0 0 25 * * *'",
    ),
    Mistake(
        "a schedule in words",
        "schedules",
        VALUES,
        "${ACP_SWEEP_SCHEDULE}",
        "${ACP_SWEEP_SCHEDULE=@daily}",
    ),
    Mistake(
        "an event subscription without dead-letter",
        "event subscriptions",
        EVENTS,
        "deadLetterWithResourceIdentity: {",
        "deliveryWithResourceIdentity: {",
    ),
    Mistake(
        "events of another schema",
        "event subscriptions",
        EVENTS,
        "'CloudEventSchemaV1_0'",
        "'EventGridSchema'",
    ),
    Mistake(
        "events for a function that is not there",
        "event subscriptions",
        "infra/eventgrid.parameters.json",
        "license_events",
        "license_event",
    ),
    Mistake(
        "a KQL field that is never logged",
        "queries, workbook and alerts",
        "infra/queries/delta_age.kql",
        "(delta_age_s: long)",
        "(delta_age_h: long)",
    ),
    Mistake(
        "a word of the platform set by hand",
        "settings, both ways",
        API,
        "AzureWebJobsStorage__credential: 'managedidentity'",
        "WEBSITE_AUTH_ENABLED: 'true'",
    ),
    Mistake("a broken brace", "Bicep syntax", API, "functionAppConfig: {", "functionAppConfig: {{"),
    Mistake(
        "a parameter that main.bicep does not have",
        "parameters, outputs and tags",
        VALUES,
        '"cloud"',
        '"clout"',
    ),
    Mistake(
        "two defaults that differ",
        "parameters, outputs and tags",
        VALUES,
        "${ACP_MODE=report}",
        "${ACP_MODE=move}",
    ),
    Mistake(
        "no output for azd",
        "parameters, outputs and tags",
        MAIN,
        "output RESOURCE_GROUP string",
        "output RESOURCE_GROUPS string",
    ),
    Mistake(
        "another service's tag",
        "parameters, outputs and tags",
        "azure.yaml",
        "  api:\n",
        "  web:\n",
        named=MAIN,
    ),
    Mistake(
        "a resource without tags",
        "parameters, outputs and tags",
        "infra/app/identity.bicep",
        "  tags: tags\n",
        "",
    ),
    Mistake(
        "a host that is no function app", "azure.yaml", "azure.yaml", "host: function", "host: web"
    ),
    Mistake(
        "a module that azd does not find",
        "azure.yaml",
        "azure.yaml",
        "module: main",
        "module: mine",
    ),
    Mistake(
        "an action by its tag", "workflows", DEPLOY, "actions/checkout@", "actions/checkout@v6 #"
    ),
    Mistake("all permissions", "workflows", DEPLOY, "permissions: {}", "permissions: write-all"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what the checks read."""
    shutil.copytree(
        ROOT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copy(ROOT / "azure.yaml", tmp_path)
    return tmp_path


def test_what_is_committed_passes(folder: Path) -> None:
    """Without a mistake no check finds anything."""
    assert [str(one) for check in PURE.values() for one in check(folder)] == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_mistake_is_found(folder: Path, mistake: Mistake) -> None:
    """The check says which file is wrong."""
    path = folder / mistake.file
    content = path.read_text(encoding="utf-8")
    assert mistake.right in content, "the table of mistakes is older than the file"
    path.write_text(content.replace(mistake.right, mistake.wrong, 1), encoding="utf-8")
    problems = PURE[mistake.check](folder)
    assert (mistake.named or mistake.file) in {one.file for one in problems}


def test_every_check_fails_for_some_mistake() -> None:
    """No check is without a mistake that it finds."""
    assert {one.check for one in MISTAKES} == set(PURE)
