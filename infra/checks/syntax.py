"""Every Bicep file parses without an error node."""

from pathlib import Path

from infra.checks import bicep
from infra.checks.problem import Problem


def check(folder: Path) -> list[Problem]:
    """Find what the grammar does not accept, and an `infra/` without Bicep."""
    files = bicep.files(folder)
    if not files:
        return [Problem("infra", "there is no Bicep file", "Restore infra/main.bicep")]
    return [
        Problem(
            file.name,
            f"not Bicep as the checks know it: {bicep.text(node)[:40]!r}",
            "Mend the syntax; extension, spread and resourceInput<> are not read",
            bicep.line(node),
        )
        for file in files
        for node in bicep.walk(file.root)
        if node.is_error or node.is_missing
    ]
