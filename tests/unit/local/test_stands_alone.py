"""The stand-ins and the app know nothing of each other."""

import ast

from local.commands import ROOT


def imported(folder: str) -> set[str]:
    """The top-level packages that the modules below a folder import."""
    names: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.partition(".")[0])
    return names


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
