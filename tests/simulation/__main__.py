"""`python -m tests.simulation`, `make simulate`: many universes; status 1 when a rule breaks."""

import argparse
import itertools
import logging
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import replace
from typing import Final

from tests.simulation.actors import ACTORS
from tests.simulation.bugs import BUGS, WITHIN
from tests.simulation.rules import STRICT, Broken
from tests.simulation.shrinking import shrink
from tests.simulation.small import WORLDS, Schedule, number_of_schedules, play, schedules
from tests.simulation.universe import FAULTS, SOMETIMES, Plan, live

_PROCESSES: Final = 2
_ENOUGH: Final = 200
"""Universes that together have to reach every rare state."""


def main() -> int:
    """Do what the options ask for."""
    options = _options()
    logging.disable(logging.CRITICAL)
    plan = _plan(options)
    if options.exhaustive is not None:
        return _search_small_worlds(options.exhaustive, options.world, options.sample, plan.seed)
    if options.replay is not None:
        return _replay(plan)
    if options.bugs:
        return _find_bugs(plan)
    return _run_many(plan, options.seeds, options.minutes)


def _run_many(plan: Plan, seeds: int, minutes: float | None) -> int:
    """Run universes until there were so many, or the time is up."""
    began = time.monotonic()
    plans: Iterator[Plan] = (replace(plan, seed=seed) for seed in itertools.count(plan.seed))
    if minutes is None:
        plans = itertools.islice(plans, seeds)
    else:
        plans = itertools.takewhile(lambda _: time.monotonic() - began < 60 * minutes, plans)
    universes = sets = calls = 0
    reached: Counter[str] = Counter()
    broken: dict[str, list[tuple[Plan, Broken]]] = {}
    for outcome in _parallel(live, plans):
        universes, sets, calls = universes + 1, sets + outcome.sets, calls + outcome.calls
        reached += outcome.reached
        for each in outcome.broken:
            broken.setdefault(each.rule, []).append((outcome.plan, each))
    took = time.monotonic() - began
    _say(
        f"{universes} universes of {plan.users} users, {sets} sets, {calls} port calls, "
        f"{took:.0f} s, {universes / took:.1f} universes a second, {len(broken)} rules broken",
        "reached: " + ", ".join(f"{name} {reached[name]}" for name in SOMETIMES),
    )
    for rule, found in sorted(broken.items()):
        count = len({its.seed for its, _ in found})
        _say(f"\nbroken in {count} universes: {rule}", f"  {found[0][1].facts}")
        _say(f"  replay: {command(shrink(found[0][0], rule))}")
    never = [name for name in SOMETIMES if not reached[name]] if universes >= _ENOUGH else []
    if never:
        _say(f"\nnever reached: {', '.join(never)}")
    return 1 if broken or never else 0


def _find_bugs(plan: Plan) -> int:
    """Put each named fault back, and look for it with the rules that hold without it."""
    missed = 0
    for bug in BUGS:
        found = None
        for seed in range(plan.seed, plan.seed + WITHIN):
            outcome = live(replace(plan, seed=seed, bug=bug, limits=STRICT))
            found = next(iter(outcome.broken), None)
            if found:
                _say(
                    f"{bug}: found in universe {seed - plan.seed + 1}: {found.rule}: {found.facts}"
                )
                break
        missed += found is None
        if found is None:
            _say(f"{bug}: NOT FOUND in {WITHIN} universes")
    return 1 if missed else 0


def _replay(plan: Plan) -> int:
    outcome = live(plan)
    _say(f"seed {plan.seed}: digest {outcome.digest}, {outcome.sets} sets, {outcome.calls} calls")
    _say(*(f"broken: {each.rule}: {each.user} {each.facts}" for each in outcome.broken))
    return 1 if outcome.broken else 0


def _search_small_worlds(delays: int, only: str, sample: float, seed: int) -> int:
    """Play the schedules of the small worlds: all, or a share of them that the seed draws."""
    status, rng = 0, random.Random(seed)
    for world in [only] if only else WORLDS:
        _, calls = play(Schedule(world))
        began, count = time.monotonic(), 0
        broken: dict[str, list[tuple[Schedule, Broken]]] = {}
        every = schedules(world, delays, calls)
        drawn = every if sample >= 1 else (one for one in every if rng.random() < sample)
        for schedule, found in _parallel(_play, drawn):
            count += 1
            for each in found:
                broken.setdefault(each.rule, []).append((schedule, each))
        total = number_of_schedules(delays, calls)
        took = time.monotonic() - began
        _say(
            f"{world}: {calls} calls, {count} of {total} schedules, {took:.0f} s, "
            f"all would take {took * total / max(1, count) / 60:.0f} min, {len(broken)} rules broken"
        )
        for rule, those in sorted(broken.items()):
            status = 1
            _say(f"  broken in {len(those)}: {rule}: {those[0][1].facts}", f"    {those[0][0]}")
    return status


def _play(schedule: Schedule) -> tuple[Schedule, list[Broken]]:
    return schedule, play(schedule, limits=STRICT)[0]


def _parallel[Given, Got](work: Callable[[Given], Got], given: Iterable[Given]) -> Iterator[Got]:
    """Yield what comes of each, in two processes; no more is taken than they can work on."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(_PROCESSES, context, logging.disable, (logging.CRITICAL,)) as pool:
        todo = iter(given)
        running: set[Future[Got]] = set()
        while True:
            running |= {pool.submit(work, one) for one in itertools.islice(todo, 64 - len(running))}
            if not running:
                return
            done, running = wait(running, return_when="FIRST_COMPLETED")
            yield from (each.result() for each in done)


def command(plan: Plan) -> str:
    """Return the command that replays a universe."""
    parts = [
        f"--replay {plan.seed} --users {plan.users} --hours {plan.hours:g} --days {plan.days:g}"
    ]
    parts += [
        f"--without {name}" for name in (*ACTORS, *FAULTS) if name not in plan.actors + plan.faults
    ]
    parts += [f"--bug '{plan.bug}'"] if plan.bug else []
    return f'make simulate ARGS="{" ".join(parts)}"'


def _plan(options: argparse.Namespace) -> Plan:
    without = set(options.without)
    return Plan(
        seed=options.seed if options.replay is None else options.replay,
        users=options.users,
        hours=24 * 14 if options.weeks else options.hours,
        days=options.days,
        actors=tuple(name for name in ACTORS if name not in without),
        faults=tuple(name for name in FAULTS if name not in without),
        bug=options.bug,
        limits=STRICT,
    )


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=500, help="how many universes")
    parser.add_argument("--minutes", type=float, help="universes for so long, however many")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--hours", type=float, default=3.0, help="of storm")
    parser.add_argument("--days", type=float, default=1.1, help="of quiet after it")
    parser.add_argument("--weeks", action="store_true", help="storms of two weeks")
    parser.add_argument("--exhaustive", type=int, metavar="DELAYS", help="search the small worlds")
    parser.add_argument("--bugs", action="store_true", help="put each fault back and find it")
    parser.add_argument("--bug", default="", choices=["", *BUGS], help="put one fault back")
    parser.add_argument("--replay", type=int, metavar="SEED", help="run one universe again")
    parser.add_argument("--without", action="append", default=[], choices=[*ACTORS, *FAULTS])
    parser.add_argument("--world", default="", choices=["", *WORLDS], help="one small world only")
    parser.add_argument("--sample", type=float, default=1.0, help="share of the schedules to play")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
