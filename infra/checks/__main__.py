"""`python -m infra.checks [FOLDER]`: one line a check, exit code 1 when one fails."""

import sys
from pathlib import Path
from typing import Final

from infra.checks import (
    checkov,
    compiled,
    functions,
    kql,
    manifest,
    parameters,
    predicted,
    roles,
    rules,
    settings,
)
from infra.checks.problem import Check
from infra.compiler import HOW_TO_GET_IT, find

COMPILER: Final = "Bicep's compiler"
CHECKS: Final[dict[str, Check]] = {
    COMPILER: compiled.check,
    "predictions": predicted.check,
    "parameters": parameters.check,
    "settings, both ways": settings.check,
    "functions and queues": functions.check,
    "roles": roles.check,
    "keys, TLS, names, tags": rules.check,
    "queries, workbook and alerts": kql.check,
    "azure.yaml": manifest.check,
    "checkov": checkov.check,
}
"""The checks by name, in the order in which they run."""

_USAGE = 2


def main(arguments: list[str]) -> int:
    """Run every check over the folder (default: this project). Returns the exit code."""
    folder = Path(arguments[0] if arguments else Path(__file__).parents[2]).resolve()
    if len(arguments) > 1 or not (folder / "infra").is_dir():
        print("usage: python -m infra.checks [FOLDER that has infra/]", file=sys.stderr)
        return _USAGE
    failed = False
    for name, check in CHECKS.items():
        if name == COMPILER and find() is None:
            print(f"skipped infra: Bicep was not compiled: {HOW_TO_GET_IT}", flush=True)
            continue
        problems = dict.fromkeys(check(folder))
        print(f"{'failed' if problems else 'ok':6}  infra: {name}", flush=True)
        for problem in problems:
            print(f"        {problem}")
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
