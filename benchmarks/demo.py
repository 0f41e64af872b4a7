"""Measure how long `acp demo` takes, from start to end of the command, in seconds.

The installation is done, but there is no bytecode yet: every process compiles what it imports, as
in the first run on a new machine. `users/s` and the calls come from the demo's own summary.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import ROOT, Figure, UnavailableError
from benchmarks.stack import bytecode, clean_environment

_TARGETS = {200: 30.0, 2000: 120.0}
_LIMIT = 600.0


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the time of each size of demo."""
    for users, target in _TARGETS.items():
        if quick and users > min(_TARGETS):
            return
        seconds, summary = demo(users)
        note = (
            f"moved {summary['moved']:,}; of {summary['seconds']:.1f} s by its own clock; "
            f"calls: Graph {summary['graph_calls']:,}, Teams {summary['teams_calls']:,}"
        )
        yield Figure(f"demo, {users:,} users", seconds, "s", at_most=target, note=note)


def demo(users: int) -> tuple[float, dict[str, Any]]:
    """Run one demo; return its wall-clock seconds and its summary."""
    with tempfile.TemporaryDirectory(prefix="acp-bench-") as name:
        folder = Path(name)
        file = folder / "summary.json"
        command = [sys.executable, "-m", "cli", "demo", "--users", str(users), "--seed", "1"]
        environment = {**clean_environment(), **bytecode(folder)}
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--json", str(file)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode != 0 or not file.is_file():
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise UnavailableError(f"acp demo ended with {done.returncode}: {' '.join(last)}")
        summary: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return seconds, summary
