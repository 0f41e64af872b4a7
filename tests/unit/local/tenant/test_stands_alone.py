"""The tenant and the app know nothing of each other."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[4]


def imported(folder: str) -> set[str]:
    """The top-level packages that the modules below a folder import."""
    names: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.partition(".")[0])
    assert names, f"nothing was read of {folder}"
    return names


def test_the_tenant_does_not_import_the_app() -> None:
    """Its facts are written separately: a mistake of the app is not repeated in it."""
    assert not imported("local/tenant") & {"shared", "functions", "cli", "function_app", "tests"}


def test_the_app_does_not_import_the_tenant() -> None:
    """What is deployed does not contain what stands in for Microsoft."""
    assert "local" not in imported("shared") | imported("functions")
