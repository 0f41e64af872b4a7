"""The app's functions, indexed with the settings that would be deployed, find their queues.

Queues: each that a function listens to or writes, and its poison queue, is made; none is made that no
function knows. Event subscriptions: they lead to a function that takes events,
or into a queue that one listens to, where they do not expire.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.checks.predicted import resources, stage
from infra.checks.problem import Problem, in_source
from infra.checks.settings import deployed, literal
from infra.package import CODE

_QUEUES: Final = "Microsoft.Storage/storageAccounts/queueServices/queues"
_EVENTS: Final = "Microsoft.EventGrid/partnerTopics/eventSubscriptions"
_POISON: Final = "-poison"
_INDEX: Final = """
import json, os, sys
import azure.functions, httpx, msal, shared.settings.settings  # once, and then a process for each
for settings in json.load(sys.stdin):
    if not os.fork():
        os.environ.update(settings)
        from function_app import app
        found = {one.get_function_name(): json.loads(one.get_function_json()) for one in app.get_functions()}
        print(json.dumps(found), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(1)
"""

Bindings = list[tuple[str, dict[str, Any]]]
"""Names of functions, each with one of its bindings as the host gets it."""


def check(folder: Path) -> list[Problem]:
    """Compare the functions with what each predicted deployment makes for them."""
    settings = {name: literal(values) for name, values in deployed(folder).items()}
    try:
        indexed = bindings([*settings.values()])
    except RuntimeError as error:
        wrong = f"it does not load with the settings of a deployment: {error}"
        return [Problem("function_app.py", wrong, "Fix the setting or the code")]
    problems: list[Problem] = []
    for deployment, found in zip(settings, indexed, strict=True):
        problems += _queues(folder, deployment, found)
    return [*problems, *_subscriptions(folder, [one for found in indexed for one in found])]


def bindings(deployments: list[dict[str, str]]) -> list[Bindings]:
    """Every binding of every function of this project, with the settings of each deployment.

    RuntimeError: the app refuses the settings of one of them.
    """
    done = subprocess.run(
        [sys.executable, "-c", _INDEX],
        cwd=CODE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        input=json.dumps(deployments),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [str(done.returncode)])[-1])
    return [
        [(name, one) for name, function in json.loads(line).items() for one in function["bindings"]]
        for line in done.stdout.splitlines()
    ]


def _queues(folder: Path, deployment: str, found: Bindings) -> Iterator[Problem]:
    made = {one.name for one in resources(folder, _QUEUES) if one.deployment == deployment}
    known = {one["queueName"] for _, one in found if "queueName" in one}
    heard = {one["queueName"] for _, one in found if one["type"] == "queueTrigger"}
    needed = known | {f"{name}{_POISON}" for name in heard}
    for name in sorted(needed - made):
        do = "Add it; the host puts into a poison queue what failed five times"
        yield in_source(folder, f"the queue {name} is not made", do, "queueNames")
    for name in sorted(made - needed):
        yield in_source(folder, f"no function knows the queue {name}", "Remove it", "queueNames")


def _subscriptions(folder: Path, found: Bindings) -> Iterator[Problem]:
    takes_events = {function for function, one in found if one["type"] == "eventGridTrigger"}
    heard = {one["queueName"] for _, one in found if one["type"] == "queueTrigger"}
    for one in resources(folder, _EVENTS):
        if one.at("destination"):
            name = str(one.at("destination", "properties", "resourceId"))
            name = name.rpartition("/functions/")[2]
            if name not in takes_events:
                do = f"Name the app's Event Grid function: {', '.join(sorted(takes_events))}"
                wrong = f"events go to {name}, which takes none"
                yield in_source(folder, wrong, do, "functionName ", stage=stage(folder, one))
            continue
        into = one.at("deliveryWithResourceIdentity", "destination", "properties") or {}
        if into.get("queueName") not in heard:
            wrong = f"events go into the queue {into.get('queueName')}, to which nobody listens"
            yield in_source(
                folder,
                wrong,
                "Name the app's queue of events",
                "queueName ",
                stage=stage(folder, one),
            )
        if into.get("queueMessageTimeToLiveInSeconds") != -1:
            wrong, do = (
                "events in the queue expire: they are lost while the app is stopped",
                "Set -1",
            )
            yield in_source(folder, wrong, do, "queueMessageTimeToLiveInSeconds:")
