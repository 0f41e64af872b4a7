"""`python -m tests.chaos`, `make chaos`: storms over the whole system; status 1 when a rule breaks."""

import argparse
import sys
from collections import Counter

from tests.chaos.report import Result, lines_of
from tests.chaos.run import run


def main() -> int:
    """Run the seeds asked for, one after the other."""
    options = _options()
    results: list[Result] = []
    users = options.users or (1000 if options.long else 2000)
    seeds = options.seeds or (3 if options.long else 1)
    for seed in range(options.seed, options.seed + seeds):
        result = run(
            seed, users=users, minutes=options.minutes, hosts=options.hosts, long=options.long
        )
        _say(*lines_of(result), "")
        results.append(result)
    _say(*_summary(results))
    return 0 if all(result.good for result in results) else 1


def _summary(results: list[Result]) -> list[str]:
    faults = sum((result.damage.faults for result in results), Counter[str]())
    never = [kind for kind in results[0].missing if not faults[kind]]
    bad = [str(result.seed) for result in results if not result.good]
    return [
        f"{len(results)} seeds, {sum(r.users for r in results)} users, "
        f"{sum(r.damage.hosts_killed for r in results)} hosts killed, "
        f"at least {min(r.share for r in results):.1%} of calls faulty, "
        f"{sum(len(r.verdict.broken) for r in results)} broken rules"
        + (f"; seeds that failed: {', '.join(bad)}" if bad else ""),
        *([f"never struck: {', '.join(never)}"] if never else []),
    ]


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, help="how many seeds (1, long: 3)")
    parser.add_argument("--users", type=int, help="users in the tenant (2000, long: 1000)")
    parser.add_argument("--minutes", type=float, default=0.7, help="how long the storm lasts")
    parser.add_argument("--hosts", type=int, default=2, help="instances of the app")
    parser.add_argument("--long", action="store_true", help="with what lasts for minutes")
    options = parser.parse_args()
    for name in ("seeds", "users", "minutes", "hosts"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            parser.error(f"--{name} must be more than 0, not {value}")
    return options


if __name__ == "__main__":
    sys.exit(main())
