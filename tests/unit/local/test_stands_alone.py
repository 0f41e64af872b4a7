"""The stand-ins and the app know nothing of each other."""

import re

from local.commands import ROOT

IMPORT = re.compile(r"^ *(?:from|import) (\w+)", re.MULTILINE)
"""Reads lines, for to parse every module takes a second."""


def imported(folder: str) -> set[str]:
    """The top-level packages that the modules below a folder import."""
    return {
        name
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
        for name in IMPORT.findall(path.read_text(encoding="utf-8"))
    }


def test_the_stand_ins_do_not_import_the_app() -> None:
    """Their facts are written separately: a mistake of the app is not repeated in them."""
    found = imported("local")
    assert "local" in found
    assert not found & {"shared", "functions", "cli", "function_app", "tests"}


def test_the_app_does_not_import_the_stand_ins() -> None:
    """What is deployed does not contain what stands in for Microsoft."""
    found = imported("shared") | imported("functions")
    assert "shared" in found
    assert "local" not in found
