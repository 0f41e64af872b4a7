"""One universe: everybody acts and everything fails for hours, then days of quiet, then the rules."""

import asyncio
import math
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tests.simulation import bugs
from tests.simulation.actors import ACTORS
from tests.simulation.fate import Dice, Fault, Gate, Outage, outage_sites
from tests.simulation.host import Host
from tests.simulation.loop import MIDNIGHT, run, seconds
from tests.simulation.people import PILOT_GROUP, population
from tests.simulation.rules import ENDED, STRICT, Broken, Limits, Rules
from tests.simulation.world import World, settings

_MINUTE: Final = 60.0
_CATCH_UP: Final = 5 * _MINUTE
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_RENEWED: Final = timedelta(days=5.5)
"""A subscription that ends later is left alone for the next hours."""
_CALM: Final = 2 * _HOUR
"""After the storm: by then every message was handled, and most who wait still do."""

_RATES: Final = {
    Fault.REFUSE: 0.01,
    Fault.TIME_OUT: 0.004,
    Fault.GHOST: 0.006,
    Fault.CRASH_BEFORE: 0.002,
    Fault.CRASH_AFTER: 0.002,
    Fault.SLOW: 0.01,
}

FAULTS: Final = (
    *(str(fault) for fault in Fault),
    *("outages", "throttling", "awkward", "rejections", "duplicates", "skew"),
)
"""All faults; the last ones are not about a single call."""

SOMETIMES: Final = (
    *Fault,
    "attention",
    "changed just before a set",
    "crash with a message",
    "delayed duplicate",
    "delta checkpoint",
    "delta expired",
    "event on the queue",
    "held",
    "key sent again",
    "left out",
    "mail",
    "outage",
    "part of a tick cut off",
    "pause",
    "poison",
    "row of the version before",
    "set",
    "settings changed with a full queue",
    "stale read",
    "sweep handed over",
    "throttled",
    "timer runs twice",
)
"""What many universes have to reach, or they prove little."""


@dataclass(frozen=True)
class Plan:
    """What a universe is made of; the same plan is the same universe.

    days: of quiet after the storm. bug: the fault that is put back into the wiring.
    """

    seed: int
    users: int = 8
    hours: float = 3.0
    days: float = 1.1
    actors: tuple[str, ...] = tuple(ACTORS)
    faults: tuple[str, ...] = FAULTS
    bug: str = ""
    limits: Limits = STRICT


@dataclass
class Outcome:
    """What a universe came to."""

    plan: Plan
    broken: list[Broken]
    digest: str
    calls: int
    sets: int
    reached: Counter[str] = field(default_factory=Counter)


def live(plan: Plan) -> Outcome:
    """Run a universe."""
    return run(plan.seed, _live(plan))


async def _live(plan: Plan) -> Outcome:
    rng = random.Random(plan.seed)
    # Each universe has its own weather: some faults never, some often.
    rates = {
        fault: rate * rng.choice([0, 0.5, 1, 3])
        for fault, rate in _RATES.items()
        if fault in plan.faults
    }
    dice = Dice(random.Random(rng.random()), rates)
    world = World(Gate(dice), population(rng, plan.users), rng, bugs.wiring(plan.bug))
    skew = 30.0 if "skew" in plan.faults else 0.0
    host = Host(world, _usual_settings(rng), skew=skew)
    rules = Rules(host, plan.limits)
    storm = plan.hours * _HOUR
    _bad_weather(plan, world, host, storm)
    host.start(2)
    begin_timers(host)
    for name in plan.actors:
        host.spawn(ACTORS[name](host, rules, storm))
    await asyncio.sleep(storm)
    dice.calm = True
    _good_weather(world, host)
    await asyncio.sleep(_CALM)
    rules.watch.is_listed()
    rules.watch.is_worked_off()
    await asyncio.sleep(plan.days * _DAY - _CALM)
    rules.check_end()
    return _outcome(plan, world, host, rules)


def _bad_weather(plan: Plan, world: World, host: Host, storm: float) -> None:
    rng = world.rng
    if "outages" in plan.faults:
        for _ in range(rng.randint(0, 3)):
            begin = rng.uniform(0, storm)
            length = rng.choice(
                [120.0, 600.0, 4000.0, *([_DAY, 3 * _DAY] if plan.hours > 24 else [])]
            )
            site = rng.choice(list(outage_sites()))
            denied = rng.random() < 0.3
            world.gate.outages.append(Outage(site, begin, min(storm, begin + length), denied))
    if "throttling" in plan.faults and rng.random() < 0.6:
        for throttle in world.throttles.values():
            throttle.rate, throttle.pause = rng.choice([0.5, 1, 4]), rng.choice([5, 60, 100, 300])
    if "awkward" in plan.faults:
        world.graph.awkward = world.teams.awkward = rng.choice([0, 0.05, 0.3])
        if rng.random() < 0.3:
            world.graph.expired.update(f"delta-{number}" for number in range(rng.randint(1, 6)))
    if "rejections" in plan.faults and rng.random() < 0.5:
        world.teams.refuses[rng.choice(list(world.people.by_id))] = "Forbidden"
    if "duplicates" in plan.faults:
        host.duplicates = rng.choice([0, 0.05, 0.2])


def _usual_settings(rng: random.Random) -> dict[str, str]:
    """Draw a universe's settings: in some there is a pilot, or a guard that holds users."""
    usual = {"max_calls_in_flight": str(rng.choice([1, 2, 16]))}
    if rng.random() < 0.25:
        usual["included_groups"] = PILOT_GROUP
    if rng.random() < 0.25:
        usual["guard_max_moves"] = str(rng.choice([1, 2, 3]))
    return usual


def _good_weather(world: World, host: Host) -> None:
    world.gate.outages.clear()
    world.teams.refuses.clear()
    world.graph.awkward = world.teams.awkward = host.duplicates = 0.0
    for throttle in world.throttles.values():
        throttle.rate = float("inf")
    for someone in world.people:
        if someone.state.licensed and not someone.state.ready:
            someone.change("microsoft", ready=True)
    host.change(settings(**host.usual))
    host.calm = True


def begin_timers(host: Host) -> None:
    """Begin the app's timers at their default schedules. What would be idle is left out."""
    account, queues, world = host.world.account, host.world.queues, host.world

    def next_due() -> float:
        # Who needs attention had no due time in the version before.
        due = (row.get("due", MIDNIGHT) for row in account.rows("waiting"))
        return min(map(seconds, due), default=math.inf)

    def no_sweep() -> bool:
        begun = {row["RowKey"] for row in account.rows("runs") if row["state"] not in ENDED}
        # The sweep that is not finished, one that is wanted, those that were released. Of one that died
        # before it stored its run nothing is left to do.
        return all(
            not row.get("wanted")
            and row["PartitionKey"] in ("state", "actions")
            and row.get("run") not in begun
            for row in account.rows("state")
        ) and not any(row.get("list") == "settled" for row in account.rows("waiting"))

    def no_poison() -> bool:
        return not any(queues[name].letters for name in queues if name.endswith("poison"))

    def nothing_changed() -> bool:
        link = f"delta-{len(world.people.changes)}"
        stored = any(row.get("link") == link for row in account.rows("state"))
        return stored and link not in world.graph.expired

    seen, until = -1, 0.0

    def quiet() -> float:
        nonlocal seen, until
        if seen != account.version:  # the tables are looked through after a change alone
            seen, until = account.version, next_due() if no_sweep() else 0.0
        return until

    def idle() -> float:
        now, until = asyncio.get_running_loop().time(), quiet()
        if until > now and not (nothing_changed() and no_poison()):
            until = min(until, math.ceil(now / _CATCH_UP) * _CATCH_UP)
        return until

    def kept() -> float:
        # In calm: one subscription, which is stored and ends later than the app renews one.
        live = list(world.graph.live.values())
        row = account.tables.get("state", {}).get(("state", "subscription"), {})
        same = (
            host.calm
            and len(live) == 1
            and row.get("subscription_id") == live[0].id
            and row["expires_at"] == live[0].expires_at
        )
        return seconds(live[0].expires_at - _RENEWED) if same else 0.0

    host.timer(2 * _HOUR, _DAY, lambda app: app.sweeper.sweep())
    host.timer(_MINUTE, _MINUTE, lambda app: app.ticker.tick(), idle)
    host.timer(1800, _HOUR, lambda app: app.subscriber.keep(), kept)


def _outcome(plan: Plan, world: World, host: Host, rules: Rules) -> Outcome:
    rules.broken += [Broken("no defect", "", repr(error)) for error in world.defects]
    reached = host.reached + rules.reached + world.gate.struck
    reached["set"] = len(rules.sets)
    reached["stale read"] = world.graph.stale + world.teams.stale
    reached["throttled"] = sum(throttle.refused for throttle in world.throttles.values())
    reached["delta expired"] = len(world.graph.expired)
    gate = world.gate
    return Outcome(plan, rules.broken, gate.digest, gate.calls, len(rules.sets), reached)
