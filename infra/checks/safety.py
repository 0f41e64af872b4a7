"""Nothing is open that need not be: no shared keys, TLS 1.2 or newer, nothing public, no local keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.checks import bicep
from infra.checks.bicep import Literal
from infra.checks.problem import Problem


@dataclass(frozen=True)
class Rule:
    """On every resource of a type, the property at `path` has one of the values."""

    type: str
    path: tuple[str, ...]
    values: tuple[Literal, ...]
    why: str


_STORAGE: Final = "Microsoft.Storage/storageAccounts"
_SITE: Final = "Microsoft.Web/sites"
RULES: Final = (
    Rule(_STORAGE, ("allowSharedKeyAccess",), (False,), "shared keys are allowed"),
    Rule(_STORAGE, ("minimumTlsVersion",), ("TLS1_2", "TLS1_3"), "TLS older than 1.2 is allowed"),
    Rule(_STORAGE, ("allowBlobPublicAccess",), (False,), "blobs may be public"),
    Rule(_STORAGE, ("supportsHttpsTrafficOnly",), (True,), "traffic without TLS is allowed"),
    Rule(f"{_STORAGE}/blobServices/containers", ("publicAccess",), ("None",), "blobs are public"),
    Rule(_SITE, ("httpsOnly",), (True,), "traffic without TLS is allowed"),
    Rule(_SITE, ("siteConfig", "minTlsVersion"), ("1.2", "1.3"), "TLS older than 1.2 is allowed"),
    Rule(
        _SITE, ("siteConfig", "scmMinTlsVersion"), ("1.2", "1.3"), "TLS older than 1.2 is allowed"
    ),
    Rule(
        f"{_SITE}/basicPublishingCredentialsPolicies", ("allow",), (False,), "passwords may deploy"
    ),
    Rule(
        "Microsoft.OperationalInsights/workspaces",
        ("features", "disableLocalAuth"),
        (True,),
        "keys may write the log",
    ),
    Rule("Microsoft.Insights/components", ("DisableLocalAuth",), (True,), "keys may write the log"),
)


def check(folder: Path) -> list[Problem]:
    """Find resources that break a rule, also by leaving the property out."""
    return list(_problems(folder))


def _problems(folder: Path) -> Iterator[Problem]:
    for file in bicep.files(folder):
        for rule in RULES:
            for resource in file.resources(rule.type):
                node = bicep.at(resource.value, "properties", *rule.path)
                value = bicep.literal(node)
                if value not in rule.values or isinstance(value, bool) != isinstance(
                    rule.values[0], bool
                ):
                    found = "is not set" if node is None else f"is {bicep.text(node)}"
                    yield Problem(
                        file.name,
                        f"{rule.why}: {'.'.join(rule.path)} {found}",
                        f"Set it to {' or '.join(str(one) for one in rule.values)}",
                        resource.line if node is None else bicep.line(node),
                    )
