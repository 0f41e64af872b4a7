"""The HTTP API against its own OpenAPI document: whatever fits it, or nearly fits, is never a 500."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    response_schema_conformance,
    status_code_conformance,
)

from functions.http.openapi import document
from local.azurite.server import Azurite
from tests.e2e.system import System
from tests.e2e.tenant import Tenant

SCHEMA = schemathesis.openapi.from_dict(document())
# Not SCHEMA.parametrize: its tests share one node id, and pytest-xdist runs one test per id.
OPERATIONS = [each.ok() for each in SCHEMA.get_all_operations() if isinstance(each, Ok)]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, folder: Path) -> Iterator[System]:
    """The app on a tenant of its own, in report mode: what is generated may name anybody."""
    with (
        Tenant(folder, users=20, seed=5) as tenant,
        System(azurite_server, tenant, folder, {"ACP_MODE": "report"}) as system,
    ):
        yield system


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_call_breaks_the_app(
    system: System, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode
) -> None:
    """Generated calls, right and wrong, get an answer that the document describes, and no 5xx."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=3, deadline=None, derandomize=True)
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=f"{system.host.origin}/api", checks=CHECKS)

    check()
