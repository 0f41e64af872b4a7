"""Guard and pause over the real services and tables, with instances that die and calls that fail."""

import asyncio
import random

import pytest

from shared.domain.held import HeldSelection
from tests.simulation.brakes import decide, decider, pauser
from tests.simulation.fate import Dice, Fault
from tests.simulation.people import Person
from tests.simulation.scene import Scene, act, minutes

FAULTS = {
    Fault.REFUSE: 0.02,
    Fault.TIME_OUT: 0.01,
    Fault.GHOST: 0.02,
    Fault.CRASH_BEFORE: 0.003,
    Fault.CRASH_AFTER: 0.003,
    Fault.SLOW: 0.02,
}


def stormy(scene: Scene) -> None:
    """Let every call fail now and then."""
    scene.world.gate.fate = Dice(random.Random(scene.rng.random()), FAULTS)


def lost(scene: Scene, users: list[Person]) -> list[str]:
    """Return the users who are neither on Microsoft nor on any list."""
    listed = {row["RowKey"] for table in ("held", "waiting") for row in scene.rows(table)}
    return [user.id for user in users if user.state.third_party and user.id not in listed]


SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.large) for seed in range(2, 6))]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_hour_has_more_replacements_than_the_limit(seed: int) -> None:
    """A wave over three instances, redelivered and retried: the limit holds, and nobody is lost."""
    scenes: list[tuple[Scene, list[Person]]] = []

    async def story(scene: Scene) -> None:
        users = scene.users(60)
        scenes.append((scene, users))
        scene.begin(3)
        await minutes(1)
        stormy(scene)
        scene.host.duplicates = 0.1
        for delay in (0, 600, 1800):
            scene.queue(users, delay=delay)
        await minutes(50)
        scene.world.gate.fate = scene.dice
        await minutes(130)

    scene = act(story, seed, guard_max_moves="20")
    ((_, users),) = scenes
    assert scene.broken("12 guard") == []
    assert sum(bool(change.dropped) for change, _ in scene.rules.sets) >= 15
    assert lost(scene, users) == []
    assert scene.rows("held")


@pytest.mark.parametrize("seed", SEEDS)
def test_pauses_and_releases_lose_nobody_and_change_nobody_in_between(seed: int) -> None:
    """People pause, release and discard through the storm; in the end whoever is left is released."""
    scenes: list[tuple[Scene, list[Person]]] = []

    async def story(scene: Scene) -> None:
        users = scene.users(40)
        scenes.append((scene, users))
        scene.begin(3)
        await minutes(1)
        stormy(scene)
        scene.queue(users)
        until = asyncio.get_running_loop().time() + 2 * 3600
        scene.host.spawn(pauser(scene.host, scene.rules, until))
        scene.host.spawn(decider(scene.host, scene.rules, until + 3600))
        await minutes(130)
        scene.world.gate.fate = scene.dice
        await minutes(36 * 60)
        for run in {row["run"] for row in scene.rows("held")}:
            await decide(scene.host, run, HeldSelection(), release=True)
        await minutes(30)

    scene = act(story, seed, guard_max_moves="5")
    ((_, users),) = scenes
    assert scene.rules.reached["pause"] >= 2
    assert [user.id for user in users if user.state.third_party] == []
    assert scene.rows("held") == []
    assert scene.broken("1 saved", "2 permitted", "12 pause", "12 guard") == []
