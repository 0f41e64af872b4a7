"""A mistake in a predicted deployment, or in what is compared with it, makes a check fail that names it.

None of these needs the compiler: what it predicted is committed.
"""

from pathlib import Path

import pytest

from infra.checks.__main__ import CHECKS, COMPILER
from tests.seeding import Mistake, copy

DEFAULT = "infra/predicted/default.snapshot.json"
SECOND_STAGE = "infra/predicted/event-grid-second-stage.snapshot.json"
VALUES, PAGE = "infra/main.parameters.json", "docs/security.md"
MAIN, API, STORAGE = "infra/main.bicep", "infra/app/api.bicep", "infra/app/storage.bicep"
ROLES, EVENTS = "infra/app/roles.bicep", "infra/eventgrid.bicep"
INTO_QUEUE, QUEUED = (
    "infra/predicted/event-grid-queue-second-stage.snapshot.json",
    "infra/eventgrid-queue.bicep",
)
SETTINGS, PARAMETERS, RULES = "settings, both ways", "parameters", "keys, TLS, names, tags"
FUNCTIONS, QUERIES = "functions and queues", "queries, workbook and alerts"
ELSEWHERE = {COMPILER, "checkov", QUERIES}
CLOUD = '"ACP_CLOUD": ""'
TABLES = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
ON_STORAGE = "| the storage account | always |\n"
METRICS = (
    "| the app | Monitoring Metrics Publisher `3913510d-42f4-4e42-8a64-420c390055eb`"
    " | Application Insights | always |\n"
)

# fmt: off
MISTAKES = [
    Mistake("a missing setting", SETTINGS, DEFAULT,
            f"{CLOUD},\n", "\n", "setting ACP_CLOUD is not set", MAIN),
    Mistake("an unknown setting", SETTINGS, DEFAULT,
            CLOUD, '"ACP_CLOUT": ""', "ACP_CLOUT is no setting of the app", MAIN),
    Mistake("a setting that Flex Consumption refuses", SETTINGS, DEFAULT,
            CLOUD, f'{CLOUD}, "FUNCTIONS_WORKER_RUNTIME": "python"', "takes no FUNCTIONS_WORKER", MAIN),
    Mistake("a word of the platform set by hand", SETTINGS, DEFAULT,
            CLOUD, f'{CLOUD}, "WEBSITE_AUTH_ENABLED": "true"', "takes no WEBSITE_AUTH_ENABLED", MAIN),
    Mistake("a site property that Flex Consumption refuses", SETTINGS, DEFAULT,
            '"http20Enabled"', '"alwaysOn"', "takes no alwaysOn", MAIN),
    Mistake("a connection string", SETTINGS, DEFAULT,
            CLOUD, f'{CLOUD}, "AzureWebJobsStorage": "AccountName=x"', "shared keys are off", MAIN),
    Mistake("a value that the app refuses", SETTINGS, DEFAULT,
            '"ACP_GRACE_HOURS": ""', '"ACP_GRACE_HOURS": "a day"', "refuses it: ACP_GRACE_HOURS", MAIN),
    Mistake("a setting filled from another's variable", PARAMETERS, VALUES,
            "${ACP_CLOUD}", "${ACP_LOG_USERS}", "cloud fills ACP_CLOUD and is filled from"),
    Mistake("a parameter that main.bicep does not have", PARAMETERS, VALUES,
            '"cloud"', '"clout"', "has no parameter clout"),
    Mistake("a parameter that is not filled", PARAMETERS, VALUES,
            '"cloud"', '"clout"', "does not fill cloud", MAIN),
    Mistake("a default out of range", PARAMETERS, VALUES,
            "${HTTP_ALWAYS_READY=0}", "${HTTP_ALWAYS_READY=9}", "httpAlwaysReady falls back to '9'"),
    Mistake("two defaults that differ", PARAMETERS, VALUES,
            "${ACP_MODE=report}", "${ACP_MODE=move}", "mode falls back to 'move'"),
    Mistake("a role too many", "roles", PAGE,
            METRICS, "", "the app gets 3913510d-42f4-4e42-8a64-420c390055eb on Application", ROLES),
    Mistake("a role too few", "roles", PAGE,
            METRICS, f"{METRICS}| the operator{METRICS[9:]}",
            "the operator gets Monitoring Metrics Publisher on Application Insights in 0 of 8", ROLES),
    Mistake("a role in one deployment only", "roles", DEFAULT,
            TABLES, TABLES.replace("3", "4"), "on the storage account in 7 of 8", ROLES),
    Mistake("a role on the whole resource group", "roles", DEFAULT,
            "/providers/Microsoft.Insights/components/appi-7ea4qunhirvls/providers/Microsoft.Auth",
            "/providers/Microsoft.Auth", "on /subscriptions/", ROLES),
    Mistake("shared keys allowed", RULES, DEFAULT,
            '"allowSharedKeyAccess": false', '"allowSharedKeyAccess": true', "is True", STORAGE),
    Mistake("shared keys left open", RULES, DEFAULT,
            '"allowSharedKeyAccess": false,', "", "allowSharedKeyAccess is not set", STORAGE),
    Mistake("TLS 1.0", RULES, DEFAULT,
            "TLS1_2", "TLS1_0", "minimumTlsVersion is 'TLS1_0'", STORAGE),
    Mistake("TLS 1.0 to the app", RULES, DEFAULT,
            '"minTlsVersion": "1.2"', '"minTlsVersion": "1.0"', "minTlsVersion is '1.0'", API),
    Mistake("public blobs", RULES, DEFAULT,
            '"allowBlobPublicAccess": false', '"allowBlobPublicAccess": true', "may be public", STORAGE),
    Mistake("a public container", RULES, DEFAULT,
            '"publicAccess": "None"', '"publicAccess": "Blob"', "publicAccess is 'Blob'", STORAGE),
    Mistake("a log that keys may write", RULES, DEFAULT,
            '"DisableLocalAuth": true', '"DisableLocalAuth": false', "keys may log",
            "infra/app/monitoring.bicep"),
    Mistake("a name that is too long", RULES, DEFAULT,
            '"name": "st7ea4qunhirvls"', '"name": "storageaccount7ea4qunhirvls"', "(27 characters)", STORAGE),
    Mistake("a resource without tags", RULES, DEFAULT,
            '"azd-env-name"', '"azd-name"', "has no tag azd-env-name", MAIN),
    Mistake("another service's tag", RULES, "azure.yaml",
            "  api:\n", "  web:\n", "differ by web", MAIN),
    Mistake("undelivered events that nobody keeps", RULES, SECOND_STAGE,
            "deadLetterWithResourceIdentity", "deadLetterDestination", "events are lost", EVENTS),
    Mistake("events of another schema", RULES, SECOND_STAGE,
            "CloudEventSchemaV1_0", "EventGridSchema", "the function takes no other", EVENTS),
    Mistake("a queue without its poison queue", FUNCTIONS, DEFAULT,
            '/default/moves-upkeep-poison"', '/default/moves-spare"',
            "the queue moves-upkeep-poison is not made", STORAGE),
    Mistake("a queue that nobody knows", FUNCTIONS, DEFAULT,
            '/default/moves-upkeep-poison"', '/default/moves-spare"',
            "no function knows the queue moves-spare", STORAGE),
    Mistake("a schedule out of range", SETTINGS, DEFAULT,
            '"ACP_SWEEP_SCHEDULE": ""', '"ACP_SWEEP_SCHEDULE": "0 0 25 * * *"',
            "hour '25': 0 to 23 is needed", MAIN),
    Mistake("events for a function that is not there", FUNCTIONS, SECOND_STAGE,
            "functions/license_events", "functions/license_event", "events go to license_event", EVENTS),
    Mistake("events into a queue that nobody reads", FUNCTIONS, INTO_QUEUE,
            '"queueName": "moves-events"', '"queueName": "moves-event"',
            "events go into the queue moves-event, to which nobody listens", QUEUED),
    Mistake("events that expire in the queue", FUNCTIONS, INTO_QUEUE,
            '"queueMessageTimeToLiveInSeconds": -1', '"queueMessageTimeToLiveInSeconds": 604800',
            "events in the queue expire", QUEUED),
    Mistake("events that may be written into every queue", "roles", INTO_QUEUE,
            "/queueServices/default/queues/moves-events/providers/Microsoft.Auth",
            "/providers/Microsoft.Auth", "Event Grid gets Storage Queue Data Message Sender on", QUEUED),
    Mistake("queued events that nobody keeps", RULES, INTO_QUEUE,
            "deadLetterWithResourceIdentity", "deadLetterDestination", "events are lost", QUEUED),
    Mistake("a stale prediction", "predictions", STORAGE,
            "accessTier: 'Hot'", "accessTier: 'Cool'", "Run make plan"),
    Mistake("a prediction edited by hand", "predictions", DEFAULT,
            "Standard_LRS", "Standard_ZRS", "Run make plan"),
    Mistake("a host that is no function app", "azure.yaml", "azure.yaml",
            "host: function", "host: web", "'function' was expected"),
    Mistake("a module that azd does not find", "azure.yaml", "azure.yaml",
            "module: main", "module: mine", "infra/mine.bicep is not there"),
]
# fmt: on


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without a mistake: each test leaves it as it was."""
    return copy(tmp_path_factory.mktemp("committed"))


@pytest.fixture(scope="module")
def of_functions(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What that check, which takes seconds, says of a copy with all of its mistakes."""
    mistaken = copy(tmp_path_factory.mktemp("mistakes"))
    for mistake in {
        (one.file, one.right): one for one in MISTAKES if one.check == FUNCTIONS
    }.values():
        mistake.seed(mistaken)
    return [str(one) for one in CHECKS[FUNCTIONS](mistaken)]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_mistake_is_found(folder: Path, of_functions: list[str], mistake: Mistake) -> None:
    """The check says which file is wrong and what is wrong there."""
    problems = of_functions
    if mistake.check != FUNCTIONS:
        path = folder / mistake.file
        right = path.read_text(encoding="utf-8")
        mistake.seed(folder)
        problems = [str(one) for one in CHECKS[mistake.check](folder)]
        path.write_text(right, encoding="utf-8")
    assert mistake.found(problems), problems


def test_what_is_committed_passes(folder: Path) -> None:
    """Without a mistake no check finds anything (`make check` runs those that take seconds)."""
    slow = {FUNCTIONS, *ELSEWHERE}
    checks = [check for name, check in CHECKS.items() if name not in slow]
    assert [str(one) for check in checks for one in check(folder)] == []


def test_every_check_fails_for_some_mistake() -> None:
    """No check is without a mistake that it finds; those of the others stand elsewhere."""
    assert {one.check for one in MISTAKES} == CHECKS.keys() - ELSEWHERE
