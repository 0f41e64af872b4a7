"""What will go wrong, drawn from a seed before anything starts: the same seed, the same plan.

Which call a fault strikes depends on the order in which calls arrive, so a replay suffers the same
plan and the same dice, but not to the millisecond the same history.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from local.tenant.faults.faults import Faults as TenantFaults
from tests.e2e.tenant import User

Faults = dict[str, Any]
"""Shares by name, as `PUT /_tenant/faults` takes them."""

_WEATHER: Final = {
    "errors_500": 0.05,
    "errors_503": 0.05,
    "connection_resets": 0.035,
    "timeouts": 0.012,
    "truncated_bodies": 0.035,
    "wrong_json": 0.035,
    "slow_answers": 0.05,
    "notifications_lost": 0.25,
    "notifications_doubled": 0.25,
    "notifications_late": 0.15,
    "notifications_reordered": 0.25,
    "subscriptions_vanish": 0.008,
    "delta_tokens_expire": 0.25,
    "delta_resyncs": 0.25,
    "stale_reads": 0.4,
    "set_fails_but_took_effect": 0.15,
    "set_succeeds_but_did_not": 0.15,
}
"""The middle of each share; a round draws between half of it and one and a half of it."""

_SQUALL: Final = {"throttled": 0.2, "throttled_without_retry_after": 0.15}
"""A short time in which the services throttle as well, as they do: in bursts."""

_FIXED: Final = {
    "retry_after_seconds": 1,
    "slow_seconds": 0.4,
    "late_seconds": 2.0,
    "stale_seconds": 2.0,
}
_ALL_KINDS: Final = 1_000
"""Users from which on a storm has to bring every kind of fault."""

_ROUND_SECONDS: Final = 6.0
_SQUALL_SECONDS: Final = 1.0


KINDS: Final = tuple(
    name
    for name, field in TenantFaults.model_fields.items()
    if field.annotation is float
    and not name.endswith("_seconds")
    and name != "page_tokens_expire"  # no listing of Graph has so many pages here
)
"""Every kind of fault that a storm brings."""


class Blow(StrEnum):
    """What a round begins with."""

    ONE_HOST = "one host killed"
    ALL_HOSTS = "all hosts killed"
    STORAGE = "Azurite restarted"


@dataclass(frozen=True, slots=True)
class Spell:
    """What lasts for minutes: faults, a table that is away, mode `report`, or a pause."""

    name: str
    table: str = ""
    report: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """A blow (to host number `host`, if one), some seconds of faults, perhaps a squall of throttling.

    sweep: whether a sweep is started after the blow. named: whom two callers request with one key then.
    """

    weather: Faults
    squall: Faults | None
    seconds: float
    squall_seconds: float
    blow: Blow | None
    host: int
    sweep: bool
    spell: Spell | None = None
    named: Sequence[str] = ()


class Deed(StrEnum):
    """What an administrator does to a user meanwhile."""

    LICENSE = "license"
    UNLICENSE = "unlicense"
    DELETE = "delete"
    SET_BY_HAND = "set by hand"


@dataclass(frozen=True, slots=True)
class Step:
    """One deed; `at` is the share of the storm that has passed then. provider: of SET_BY_HAND."""

    at: float
    deed: Deed
    user: str
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A storm, and what the administrator does during it."""

    seed: int
    rounds: Sequence[Round]
    steps: Sequence[Step]
    set_back: int
    """How many moved users are set back by hand once the storm is over."""
    linger: float
    """Seconds that the storm continues at most until every kind of fault has struck."""
    window: float = 0.0
    """Seconds for which the app may not know what was set by hand, see `weather.WINDOW`."""


def draw(seed: int, users: Sequence[User], *, minutes: float, hosts: int) -> Plan:
    """Draw the plan of a seed for these users."""
    rng = random.Random(f"{seed}/chaos")
    count = max(2, round(minutes * 60 / (_ROUND_SECONDS + _SQUALL_SECONDS)))
    seconds = minutes * 60 / count
    rounds = [_round(rng, number, seconds, hosts) for number in range(count)]
    return Plan(
        seed,
        rounds,
        _steps(rng, users),
        set_back=max(2, len(users) // 100),
        linger=minutes * 60 if len(users) >= _ALL_KINDS else 0.0,
    )


def _round(rng: random.Random, number: int, seconds: float, hosts: int) -> Round:
    services = ["graph", "teams", "identity"] if rng.random() < 0.5 else ["graph", "teams"]
    dice = {"seed": rng.getrandbits(31), "services": services}
    weather = {name: round(share * rng.uniform(0.5, 1.5), 4) for name, share in _WEATHER.items()}
    squall = {name: round(share * rng.uniform(0.5, 1.5), 4) for name, share in _SQUALL.items()}
    # The first rounds bring one blow of each kind, so that a short storm has them all.
    kinds = [Blow.ONE_HOST, Blow.STORAGE, Blow.ALL_HOSTS, *rng.choices(list(Blow), (5, 2, 2))]
    return Round(
        weather={**weather, **_FIXED, **dice},
        # A process that was throttled goes slowly for minutes: a squall in each round, and hardly
        # anything else would meet the other faults.
        squall={**weather, **squall, **_FIXED, **dice} if number % 2 else None,
        seconds=seconds - _SQUALL_SECONDS,
        squall_seconds=_SQUALL_SECONDS,
        blow=kinds[min(number, 3)],
        host=rng.randrange(hosts),
        sweep=number % 3 == 0,
    )


def _steps(rng: random.Random, users: Sequence[User]) -> list[Step]:
    """The license wave for most of the unlicensed, and other deeds here and there."""
    by_kind: dict[str, list[str]] = {}
    for each in users:
        by_kind.setdefault(each["kind"], []).append(each["id"])
    unlicensed = by_kind.get("unlicensed", []) + by_kind.get("unlicensed_third_party", [])
    wave = rng.sample(unlicensed, round(len(unlicensed) * 0.85))
    steps = [Step(rng.uniform(0, 0.7), Deed.LICENSE, user) for user in wave]
    third_party = by_kind.get("third_party", [])
    some = max(1, len(users) // 50)
    for user in rng.sample(wave, min(len(wave), some)) + rng.sample(third_party, min(3, some)):
        removed = rng.uniform(0.7, 0.9)
        steps.append(Step(removed, Deed.UNLICENSE, user))
        if rng.random() < 0.5:
            steps.append(Step(rng.uniform(removed, 0.97), Deed.LICENSE, user))
    for user in rng.sample(wave, min(len(wave), max(1, some // 2))):
        steps.append(Step(0.98, Deed.DELETE, user))
    # Only users on Microsoft from birth: nobody replaces them at this moment, so that what is set
    # by hand can be seen before it is replaced. Between a read and a write no service waits.
    on_microsoft = by_kind.get("microsoft", [])
    for user in rng.sample(on_microsoft, min(len(on_microsoft), some)):
        provider = rng.choice(("InterCall", "PGi", "BT"))
        steps.append(Step(rng.uniform(0.05, 0.95), Deed.SET_BY_HAND, user, provider))
    return sorted(steps, key=lambda step: step.at)
