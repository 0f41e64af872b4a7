"""Long weather: a table of what lasts for minutes, put between the rounds of a storm."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Final, NamedTuple

from tests.chaos.plan import Deed, Faults, Plan, Round, Spell, Step
from tests.e2e.tenant import User

RATE: Final = 25
"""Calls a second that Teams takes."""

SETTINGS: Final = {"ACP_MAX_FAILURES": "6"}
"""As delivered: users whose attempts fail for minutes are listed under *needs attention*."""

WINDOW: Final = 8.0
"""Seconds for which the app may not know what a person set: a stale read (2), from a read to its set (2), a
call (3), and the whole seconds of the tenant's log (1)."""

_BY_HAND: Final = 0.15
"""Sets by hand, as a share of the users."""
_NAMED: Final = 40
"""Users whom two callers request at once."""
_REQUESTS: Final = 2
"""Rounds, from the first, in which they do: what a killed host has begun takes ten minutes."""


class _Row(NamedTuple):
    seconds: float
    spell: Spell
    faults: Faults | None = None
    """In place of the faults of calls; none: the weather of an ordinary round."""
    struck: Sequence[str] = ()
    """The table or service that it strikes, in turn by seed."""


_ROWS: Final = (
    _Row(135, Spell("throttled"), {"throttled": 0.05, "retry_after_seconds": 120}, ["teams"]),
    _Row(90, Spell("service away"), {"errors_503": 1.0}, ["teams", "graph", "identity"]),
    _Row(100, Spell("table away"), None, ["users", "waiting", "runresults"]),
    _Row(60, Spell("table away"), None, ["guard", "replacedproviders", "state"]),
    _Row(45, Spell("table away"), None, ["requests", "runs", "roster"]),
    _Row(25, Spell("mode report", report=True)),
    _Row(25, Spell("paused", paused=True)),
)


def lengthen(plan: Plan, users: Sequence[User]) -> Plan:
    """Return the plan with the spells of its seed between its rounds, and a person who never rests."""
    rng = random.Random(f"{plan.seed}/long")
    third = [user["id"] for user in users if user["kind"] == "third_party"]
    licensed = [user["id"] for user in users if user["licensed"] and user["included"]]
    spells = [_round(row, plan, rng) for row in rng.sample(_ROWS, len(_ROWS))]
    rounds = [each for pair in zip_longest(plan.rounds, spells) for each in pair if each]
    for number in range(_REQUESTS):
        named = tuple(rng.sample(licensed, min(_NAMED, len(licensed))))
        rounds[number] = replace(rounds[number], named=named)
    by_hand = _by_hand(rng, third, round(_BY_HAND * len(users)))
    steps = sorted([*plan.steps, *by_hand], key=lambda step: step.at)
    return replace(plan, rounds=rounds, steps=steps, window=WINDOW)


def _round(row: _Row, plan: Plan, rng: random.Random) -> Round:
    weather = rng.choice(plan.rounds).weather
    struck = row.struck[plan.seed % len(row.struck)] if row.struck else ""
    spell = replace(row.spell, name=f"{row.spell.name} {struck}".strip())
    if row.faults:
        weather = {"seed": weather["seed"], "services": [struck], **row.faults}
    elif struck:
        spell = replace(spell, table=struck)
    return Round(weather, None, row.seconds, 0.0, None, 0, sweep=True, spell=spell)


def _by_hand(rng: random.Random, users: Sequence[str], count: int) -> Iterator[Step]:
    """The same few users, most of them while they are being moved."""
    for _ in range(count):
        provider = rng.choice(("InterCall", "PGi", "BT"))
        yield Step(rng.uniform(0, 0.97), Deed.SET_BY_HAND, rng.choice(users), provider)
