"""The HTTP API against its own OpenAPI document: whatever fits it, or nearly fits, is never a 500."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from functions.http.openapi import document
from local.azurite.server import Azurite
from tests.e2e.system import System
from tests.e2e.tenant import Tenant

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.schemas import BaseSchema

VERBS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    f"{verb.upper()} {path}"
    for path, item in document()["paths"].items()
    for verb in item
    if verb in VERBS
]


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, folder: Path) -> Iterator[System]:
    """The app on a tenant of its own, in report mode: what is generated may name anybody."""
    with (
        Tenant(folder, users=20, seed=5) as tenant,
        System(azurite_server, tenant, folder, {"ACP_MODE": "report"}) as system,
    ):
        yield system


@pytest.fixture(scope="module")
def schema() -> "BaseSchema":
    """The document; imported here, because every worker imports this module and one runs it."""
    import schemathesis  # noqa: PLC0415

    return schemathesis.openapi.from_dict(document())


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_call_breaks_the_app(
    system: System, schema: "BaseSchema", operation: str, mode: str
) -> None:
    """Generated calls, right and wrong, get an answer that the document describes, and no 5xx."""
    from schemathesis import GenerationMode, checks  # noqa: PLC0415
    from schemathesis.specs.openapi.checks import (  # noqa: PLC0415
        response_schema_conformance,
        status_code_conformance,
    )

    verb, path = operation.split(" ", 1)
    wanted = [checks.not_a_server_error, status_code_conformance, response_schema_conformance]

    @given(case=schema[path][verb].as_strategy(generation_mode=GenerationMode(mode)))
    @settings(max_examples=3, deadline=None, derandomize=True)
    def check(case: "Case[Any]") -> None:
        case.call_and_validate(base_url=f"{system.host.origin}/api", checks=wanted)

    check()
