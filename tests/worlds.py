"""The e2e suite in every world, and with every form of the Teams listing (`make worlds`)."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

RUNS: Final = (
    ("2018", ""),
    ("today", ""),
    ("today", "--acp-info sent"),
    ("documented", ""),
    ("2018", "--continuation token"),
    ("2018", "--continuation module"),
)
"""World and further options of the tenant; the first has the third form of the continuation."""

_LISTING: Final = tuple(
    f"tests/e2e/test_{name}.py" for name in ("sweep", "decisions", "cli", "api", "wave", "rules")
)
"""The tests for which the form of the listing matters."""

_OWN_DEMOS: Final = ("--ignore=tests/e2e/test_worlds.py", "--ignore=tests/e2e/test_demo.py")
"""Tests that choose their world themselves."""


def run(world: str, options: str, arguments: list[str]) -> tuple[int, str]:
    """Run the suite once; return the status and pytest's last line."""
    files = _LISTING if "--continuation" in options else ("tests/e2e", *_OWN_DEMOS)
    command = [sys.executable, "-m", "pytest", "-n", "3", "--dist", "loadfile"]
    done = subprocess.run(
        [*command, *files, *arguments],
        cwd=ROOT,
        env={**os.environ, "E2E_WORLD": world, "E2E_TENANT": options},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    last = next((each for each in reversed(lines) if re.search(r"passed|failed|skipped", each)), "")
    return done.returncode, "\n".join([*failed, last or done.stderr[-2000:]])


def main(arguments: list[str]) -> int:
    """Run all; print counts and seconds per run; return 1 when one failed."""
    worst = 0
    for world, options in RUNS:
        began = time.monotonic()
        status, said = run(world, options, arguments)
        took = time.monotonic() - began
        print(f"{world} {options}".strip() + f": {said} ({took:.0f} s)", flush=True)
        worst = max(worst, status)
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
