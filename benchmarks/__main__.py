"""`python -m benchmarks [NAME ...] [--quick]`: run benchmarks, by default all, and print a table.

0: all ran, whether or not targets were met; 1: one could not be measured; 2: unknown name.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Protocol

import httpx
from azure.core.exceptions import AzureError

from benchmarks import (
    before,
    cold,
    console,
    cost,
    demo,
    imports,
    latency,
    million,
    moves,
    overshoot,
    peers,
    storage,
    sweep,
    throttled,
    webhook,
)
from benchmarks.figures import Figure, UnavailableError, machine, summary, table
from benchmarks.stack import GUARD_LIMIT
from local.errors import LocalError


class Benchmark(Protocol):
    """A benchmark; `quick` selects a smaller variant."""

    def __call__(self, *, quick: bool) -> Iterator[Figure]:
        """Yield the figures."""
        ...


BENCHMARKS: dict[str, Benchmark] = {
    "import": imports.run,
    "sweep": sweep.run,
    "moves": moves.run,
    "before": before.run,
    "storage": storage.run,
    "webhook": webhook.run,
    "demo": demo.run,
    "console": console.run,
    "throttled": throttled.run,
    "overshoot": overshoot.run,
    "latency": latency.run,
    "million": million.run,
    "cold": cold.run,
    "cost": cost.run,
    "peers": peers.run,
}

_TROUBLE = (UnavailableError, LocalError, AzureError, httpx.HTTPError, subprocess.SubprocessError)

_TERMINATED = 128 + signal.SIGTERM


def main() -> int:
    """Run the benchmarks of the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="smaller and less exact")
    chosen = parser.parse_args()
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that children are ended
    print(machine(), flush=True)
    print(f"The guard's limit: {GUARD_LIMIT:,} users (ACP_GUARD_MAX_MOVES)", flush=True)
    shown: list[Figure] = []
    status = max([_show(name, shown, quick=chosen.quick) for name in chosen.names or BENCHMARKS])
    print(f"\n{summary(shown)}", flush=True)
    return status


def _show(name: str, shown: list[Figure], *, quick: bool) -> int:
    figures: list[Figure] = []
    print(f"\n## {name}{' (quick)' if quick else ''}\n", flush=True)
    problem = None
    try:
        figures.extend(BENCHMARKS[name](quick=quick))
    except _TROUBLE as error:
        problem = f"not measured: {type(error).__name__}: {error}"
    if figures:
        print(table(figures), flush=True)
    shown += figures
    if problem:
        print(problem, file=sys.stderr, flush=True)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
