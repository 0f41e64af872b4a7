"""Every role is one of the table, under its own name and with its own id."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.checks import bicep
from infra.checks.bicep import BicepFile
from infra.checks.problem import Problem

ROLES: Final = {
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storageQueueDataMessageSender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "eventGridContributor": "1e241071-0855-49ea-94dc-649edcd759de",
}
"""Built-in roles that the app's parts may hold ("Azure built-in roles", Azure RBAC documentation)."""

OTHER_IDS: Final = {"registrationId": "c02e0126-707c-436d-b6a1-175d2748fb58"}
"""Ids that are no roles: the partner registration of Microsoft Graph (from public repositories)."""

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"


def check(folder: Path) -> list[Problem]:
    """Find ids that are in no table or under another name, and assignments of anything else."""
    files = bicep.files(folder)
    return [problem for file in files for problem in (*_ids(file), *_assignments(file))]


def _ids(file: BicepFile) -> Iterator[Problem]:
    known = ROLES | OTHER_IDS
    for node in bicep.walk(file.root):
        value = bicep.literal(node) if node.type == "string" else None
        if not isinstance(value, str) or not _GUID.search(value):
            continue
        parent = node.parent
        key = ""
        if parent is not None and parent.type == "object_property":
            key = bicep.text(parent.named_children[0])
        if known.get(key) != value.casefold():
            yield Problem(
                file.name,
                f"id {value} is not that of {key or 'anything'} in the table of roles",
                "Compare it with infra/checks/roles.py and with Azure's list of built-in roles",
                bicep.line(node),
            )


def _assignments(file: BicepFile) -> Iterator[Problem]:
    for one in file.resources(_ASSIGNMENT):
        definition = bicep.at(one.value, "properties", "roleDefinitionId")
        written = "" if definition is None else bicep.text(definition)
        granted = re.fullmatch(r"subscriptionResourceId\('(\S+)', (role|roleIds\.\w+)\)", written)
        if granted is None or granted[1] != "Microsoft.Authorization/roleDefinitions":
            yield Problem(
                file.name,
                f"{one.name} assigns {written or 'no role'}",
                "Write subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.NAME)",
                one.line,
            )
        if bicep.at(one.value, "scope") is None:
            yield Problem(
                file.name,
                f"{one.name} has no scope and so holds on the whole resource group",
                "Name the one resource that it is for",
                one.line,
            )
