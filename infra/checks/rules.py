"""Nothing is open that need not be, and every name and tag is one that Azure and azd take."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.checks import manifest
from infra.checks.predicted import resources, stage
from infra.checks.problem import Problem, in_source


@dataclass(frozen=True)
class Rule:
    """On every resource of a type, the property at `path` has one of the values."""

    type: str
    path: str
    values: tuple[Any, ...]
    why: str


_STORAGE: Final = "Microsoft.Storage/storageAccounts"
_SITE: Final = "Microsoft.Web/sites"
_EVENTS: Final = "Microsoft.EventGrid/partnerTopics/eventSubscriptions"
_OLD_TLS: Final = "TLS older than 1.2 is allowed"
_LOST: Final = "undelivered events are lost"
_KEPT: Final = "deadLetterWithResourceIdentity.deadLetterDestination"
RULES: Final = (
    Rule(_STORAGE, "allowSharedKeyAccess", (False,), "shared keys are allowed"),
    Rule(_STORAGE, "minimumTlsVersion", ("TLS1_2", "TLS1_3"), _OLD_TLS),
    Rule(_STORAGE, "allowBlobPublicAccess", (False,), "blobs may be public"),
    Rule(_STORAGE, "supportsHttpsTrafficOnly", (True,), "traffic without TLS is allowed"),
    Rule(f"{_STORAGE}/blobServices/containers", "publicAccess", ("None",), "blobs are public"),
    Rule(_SITE, "httpsOnly", (True,), "traffic without TLS is allowed"),
    Rule(_SITE, "siteConfig.minTlsVersion", ("1.2", "1.3"), _OLD_TLS),
    Rule(_SITE, "siteConfig.scmMinTlsVersion", ("1.2", "1.3"), _OLD_TLS),
    Rule(f"{_SITE}/basicPublishingCredentialsPolicies", "allow", (False,), "passwords may deploy"),
    Rule("Microsoft.OperationalInsights/workspaces", "features.disableLocalAuth", (True,), "keys may log"),
    Rule("Microsoft.Insights/components", "DisableLocalAuth", (True,), "keys may log"),
    Rule(_EVENTS, "eventDeliverySchema", ("CloudEventSchemaV1_0",), "the function takes no other"),
    Rule(_EVENTS, f"{_KEPT}.endpointType", ("StorageBlob",), _LOST),
    Rule(_EVENTS, "retryPolicy.maxDeliveryAttempts", (30,), _LOST),
    Rule(_EVENTS, "retryPolicy.eventTimeToLiveInMinutes", (1440,), _LOST),
)  # fmt: skip

NAMES: Final = {
    "Microsoft.Resources/resourceGroups": r"[\w().-]{0,89}[\w()-]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][\w-]{2,127}",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.Insights/components": r"[^%&\\?/]{0,259}[^%&\\?/ .]",
    "Microsoft.Insights/scheduledQueryRules": r"[^*<>%{}&:\\?/+]{0,259}[^*<>%{}&:\\?/+ .]",
    "Microsoft.Insights/actionGroups": r"[^:<>+/&%\\?|]{0,259}[^:<>+/&%\\?| .]",
    _STORAGE: r"[a-z0-9]{3,24}",
    f"{_STORAGE}/blobServices/containers": r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    f"{_STORAGE}/queueServices/queues": r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    _SITE: r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
    "Microsoft.Network/virtualNetworks": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/virtualNetworks/subnets": r"[A-Za-z0-9]([\w.-]{0,78}\w)?",
    "Microsoft.Network/privateEndpoints": r"[A-Za-z0-9][\w.-]{0,62}\w",
}
"""Length and characters ("Naming rules and restrictions for Azure resources", Azure Resource Manager)."""

_ENVIRONMENT, _SERVICE = "azd-env-name", "azd-service-name"


def check(folder: Path) -> list[Problem]:
    """Find resources that break a rule, also by leaving a property out."""
    return [*_open(folder), *_names(folder), *_tags(folder)]


def _open(folder: Path) -> Iterator[Problem]:
    found = resources(folder, *{rule.type for rule in RULES})
    for rule in RULES:
        for one in (one for one in found if one.type == rule.type):
            value = one.at(*rule.path.split("."))
            if value not in rule.values or type(value) is not type(rule.values[0]):
                wrong = f"{rule.why}: {rule.path} is {'not set' if value is None else repr(value)}"
                do = f"Set it to {' or '.join(str(good) for good in rule.values)}"
                last = rule.path.rpartition(".")[2]
                words = (f"{last}:", f"{rule.type}@")
                yield in_source(folder, wrong, do, *words, stage=stage(folder, one))


def _names(folder: Path) -> Iterator[Problem]:
    for one in resources(folder, *NAMES):
        if not re.fullmatch(NAMES[one.type], one.name):
            wrong = f"{one.type} cannot be called {one.name!r} ({len(one.name)} characters)"
            yield in_source(folder, wrong, f"Make it match {NAMES[one.type]}", f"{one.type}@")


def _tags(folder: Path) -> Iterator[Problem]:
    found = resources(folder)
    for one in found:
        if "location" in one.body and _ENVIRONMENT not in one.body.get("tags", {}):
            wrong = f"{one.type} has no tag {_ENVIRONMENT}"
            yield in_source(folder, wrong, "Pass on the tags", f"{one.type}@")
    tagged = {one.body.get("tags", {}).get(_SERVICE) for one in found} - {None}
    for service in tagged.symmetric_difference(manifest.services(folder)):
        wrong = f"{_SERVICE} and the services of azure.yaml differ by {service}"
        yield in_source(folder, wrong, "Tag the function app: azd deploy finds it so", _SERVICE)
