"""The OpenAPI document agrees with the functions and with docs/api.md."""

import json
import re
from pathlib import Path

from functions.http.openapi import OPERATIONS, document

ROOT = Path(__file__).parents[3]


def routes() -> set[tuple[str, str]]:
    """Every route of functions/http/routes.py, but for the document's own."""
    code = (ROOT / "functions/http/routes.py").read_text(encoding="utf-8")
    found = re.findall(r'route\("([^"]+)", methods=\["(\w+)"\], auth_level=ACCESS\)', code)
    return {(verb.lower(), f"/{path}") for path, verb in found if path != "openapi.json"}


def test_every_route_is_described() -> None:
    """No function without a description, no description without a function."""
    assert {(each.method, each.path) for each in OPERATIONS} == routes()


def test_the_page_names_every_route() -> None:
    """docs/api.md has a row for each call."""
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    missing = {
        (verb, path) for verb, path in routes() if f"`{verb.upper()} /api{path}`" not in page
    }
    assert missing == set()


def test_every_reference_leads_somewhere() -> None:
    """Each schema that the document refers to is in it."""
    text = json.dumps(document())
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named <= set(document()["components"]["schemas"])
    assert {"MoveBody", "RunView", "Problem"} <= named
