"""The checks by name, in the order in which they run."""

from typing import Final

from infra.checks import (
    checkov,
    doctor,
    events,
    kql,
    manifest,
    parameters,
    references,
    roles,
    safety,
    schedules,
    settings,
    syntax,
    workflows,
)
from infra.checks.problem import Check

PURE: Final[dict[str, Check]] = {
    "Bicep syntax": syntax.check,
    "references": references.check,
    "parameters, outputs and tags": parameters.check,
    "settings, both ways": settings.check,
    "schedules": schedules.check,
    "roles": roles.check,
    "keys, TLS, public access": safety.check,
    "event subscriptions": events.check,
    "queries, workbook and alerts": kql.check,
    "azure.yaml": manifest.check,
    "workflows": workflows.check,
}
"""Checks that only read files: milliseconds."""

TOOLS: Final[dict[str, Check]] = {
    "azure-functions-doctor": doctor.check,
    "checkov": checkov.check,
}
"""Checks that run a program: seconds."""
