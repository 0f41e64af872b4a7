"""The roles that a deployment assigns are those of docs/security.md: no more, and all of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.checks.predicted import Resource, resources
from infra.checks.problem import Problem, in_source

_PAGE: Final = "docs/security.md"
_TYPE: Final = "Microsoft.Authorization/roleAssignments"
_ROW: Final = re.compile(r"\| (.+) \| (.+) `([0-9a-f-]{36})` \| (.+) \| (.+) \|")
_HOLDERS: Final = {
    "/id-api-": "the app",
    "/id-events-": "Event Grid",
    "/partnerTopics/": "Event Grid",
}
_SCOPES: Final = {
    "Microsoft.Storage/storageAccounts/*": "the storage account",
    "Microsoft.Storage/storageAccounts/*/blobServices/default/containers/dead-letters": (
        "the container `dead-letters`"
    ),
    "Microsoft.Storage/storageAccounts/*/queueServices/default/queues/moves-events": (
        "the queue `moves-events`"
    ),
    "Microsoft.Insights/components/*": "Application Insights",
}

Assignment = tuple[str, str, str]
"""Who holds it, the role's id, and on what."""


def check(folder: Path) -> list[Problem]:
    """Compare each predicted deployment with the rows `| who | role `id` | on | when |` of the page."""
    rows = _ROW.findall((folder / _PAGE).read_text(encoding="utf-8"))
    names = {role: name for _, name, role, _, _ in rows}
    listed = {(who, role, scope): when for who, _, role, scope, when in rows}
    whole = {one.deployment for one in resources(folder, "Microsoft.Resources/resourceGroups")}
    held = {(_assignment(one), one.deployment) for one in resources(folder, _TYPE)}
    return list(_differences(folder, listed, names, held, len(whole)))


def _assignment(one: Resource) -> Assignment:
    principal, role = one.at("principalId"), one.at("roleDefinitionId").rpartition("/")[2]
    holder = next((who for part, who in _HOLDERS.items() if part in principal), "the operator")
    place = one.body["id"].partition(f"/providers/{_TYPE}")[0].rpartition("/providers/")[2]
    scope = re.sub(r"(storageAccounts|components)/[^/]+", r"\1/*", place)
    return holder, role, _SCOPES.get(scope, scope)


def _differences(
    folder: Path,
    listed: dict[Assignment, str],
    names: dict[str, str],
    held: set[tuple[Assignment, str]],
    deployments: int,
) -> Iterator[Problem]:
    for one in sorted({assignment for assignment, _ in held} | listed.keys()):
        count = sum(assignment == one for assignment, _ in held)
        who, role, scope = one
        said = listed.get(one, "never")
        expected = {"never": count == 0, "always": count == deployments}
        if not expected.get(said, 0 < count < deployments):
            wrong = f"{who} gets {names.get(role, role)} on {scope} in {count} of {deployments}"
            wrong += f" predicted deployments, {_PAGE} says {said}"
            do = "Assign what is needed and no more, and list it there"
            yield in_source(folder, wrong, do, f"'{role}'", "roleAssignments@")
