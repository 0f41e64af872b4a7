"""The storm: carries out a plan's rounds on a stage, one blow after the other."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.administrator import Administrator
from tests.chaos.callers import Callers, Requested
from tests.chaos.plan import KINDS, Blow, Plan, Round, Spell
from tests.chaos.stage import Stage

_UNCLEAN_STOP: Final = 1.9
"""Seconds: from then on Azurite's own guard has ended it before its data was saved."""


_IN_FLIGHT: Final = 2.0
"""Seconds for which a set of a killed host may still be carried out, in the log's whole seconds."""

_PAUSE_KNOWN: Final = 7.0
"""Seconds until a pause holds: a row trusted for one second, a set within two of its read, a call of three,
and the log's whole seconds."""


@dataclass
class Damage:
    """What the storm did: what was killed or away, and the tenant's counters at its end."""

    hosts_killed: int = 0
    storage_stops: list[float] = field(default_factory=list)
    """Seconds that each clean stop of Azurite took."""
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    spells: list[tuple[str, float]] = field(default_factory=list)
    """What lasted, and for how many seconds."""
    requested: list[Requested] = field(default_factory=list)

    @property
    def storage_lost(self) -> bool:
        """Whether Azurite may have ended before it had saved everything it had acknowledged."""
        return any(seconds >= _UNCLEAN_STOP for seconds in self.storage_stops)


def rage(stage: Stage, plan: Plan, administrator: Administrator) -> Damage:
    """Let the storm pass; when this returns there are no more faults and all hosts run."""
    damage = Damage()
    began = time.monotonic()
    seconds = sum(each.seconds + each.squall_seconds for each in plan.rounds)
    with ThreadPoolExecutor(1) as pool, Callers(stage.door) as callers:
        deeds = pool.submit(administrator.carry_out, plan.steps, seconds)
        try:
            for number, each in enumerate(plan.rounds):
                if each.named:
                    callers.ask(f"{plan.seed}/{number}", each.named)
                if each.spell:
                    _outlast(stage, each, each.spell, administrator, damage)
                else:
                    _endure(stage, each, damage)
            _linger(stage, plan, damage)
        finally:
            stage.suffer(None)
        deeds.result()
        damage.requested = callers.answers()
    # The last blow: whoever still works on something starts again, without any faults.
    _kill(stage, range(len(stage.hosts)), damage)
    damage.seconds = time.monotonic() - began
    return damage


def set_back(stage: Stage, plan: Plan, administrator: Administrator) -> list[str]:
    """Put some users whom the app has moved back on a third party; return who they are.

    Only when nothing is under way: a read has to be able to show what was set.
    """
    rng = random.Random(f"{plan.seed}/set back")
    moved = {change["user"] for change in stage.tenant.changes() if change["action"] == "replaced"}
    still = sorted(
        user["id"]
        for user in stage.tenant.users()
        if user["id"] in moved and user["licensed"] and user["provider"] == "Microsoft"
    )
    chosen = rng.sample(still, min(len(still), plan.set_back))
    for user in chosen:
        administrator.set_by_hand(user, rng.choice(("InterCall", "PGi", "BT")))
    return chosen


def _endure(stage: Stage, each: Round, damage: Damage) -> None:
    began = time.monotonic()
    stage.suffer(each.weather)
    if each.blow is Blow.STORAGE:
        stopping = time.monotonic()
        stage.azurite.stop()
        damage.storage_stops.append(time.monotonic() - stopping)
        stage.azurite.start()
    else:
        everyone = range(len(stage.hosts))
        _kill(stage, everyone if each.blow is Blow.ALL_HOSTS else [each.host], damage)
    if each.sweep:
        stage.begin_sweep(each.host)
    time.sleep(max(0.0, began + each.seconds - time.monotonic()))
    if each.squall is not None:
        stage.suffer(each.squall)
    time.sleep(each.squall_seconds)


def _outlast(
    stage: Stage, each: Round, spell: Spell, administrator: Administrator, damage: Damage
) -> None:
    """Let a spell last its time, and end it."""
    began = time.monotonic()
    stage.suffer(each.weather)
    if spell.table:
        stage.refuse_table(spell.table)
    if spell.report:
        dead, _ = stage.restart("report")
        quiet = dead + _IN_FLIGHT
    if spell.paused:
        quiet = administrator.pause(stage.door, on=True) + _PAUSE_KNOWN
    if each.sweep:
        stage.begin_sweep(each.host)
    time.sleep(each.seconds)
    if spell.paused:
        administrator.history.quiet.append((spell.name, quiet, time.time()))
        administrator.pause(stage.door, on=False)
    if spell.report:
        administrator.history.quiet.append((spell.name, quiet, time.time()))
        stage.restart("move")
    if spell.table:
        stage.refuse_table("")
    damage.spells.append((spell.name, time.monotonic() - began))


def _linger(stage: Stage, plan: Plan, damage: Damage) -> None:
    """Keep the last weather until every kind of fault has struck, but not for ever."""
    stage.suffer(plan.rounds[-1].weather)
    give_up = time.monotonic() + plan.linger
    _count(stage, damage)
    while time.monotonic() < give_up and not all(damage.faults[kind] for kind in KINDS):
        time.sleep(1.0)
        _count(stage, damage)


def _kill(stage: Stage, hosts: Sequence[int], damage: Damage) -> None:
    """SIGKILL, and up again; what the killed held stays held until its lease ends."""
    for number in hosts:
        stage.hosts[number].kill()
        damage.hosts_killed += 1
    with ThreadPoolExecutor() as pool:
        started = [pool.submit(stage.hosts[number].start) for number in hosts]
    for start in started:
        start.result()


def _count(stage: Stage, damage: Damage) -> None:
    """Calls and faults so far, while the faults are still in force."""
    counters = stage.tenant.counters()
    damage.faults = Counter(counters["faults"])
    damage.calls = sum(
        sum(statuses.values())
        for service in ("graph", "teams")
        for statuses in counters["calls"].get(service, {}).values()
    )
