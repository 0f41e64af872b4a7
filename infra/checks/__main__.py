"""`python -m infra.checks [FOLDER]`: one line a check, exit code 1 when one fails."""

import sys
from pathlib import Path

from infra.checks.registry import PURE, TOOLS

_USAGE = 2


def main(arguments: list[str]) -> int:
    """Run every check over the folder (default: this project). Returns the exit code."""
    folder = Path(arguments[0] if arguments else Path(__file__).parents[2]).resolve()
    if len(arguments) > 1 or not (folder / "infra").is_dir():
        print("usage: python -m infra.checks [FOLDER that has infra/]", file=sys.stderr)
        return _USAGE
    failed = False
    for name, check in (PURE | TOOLS).items():
        problems = check(folder)
        print(f"{'failed' if problems else 'ok':6}  infra: {name}", flush=True)
        for problem in problems:
            print(f"        {problem}")
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
