"""A scene: few users, one thing that goes wrong, and the real app; for tests of single findings."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from inspect import signature
from typing import Any

from shared.domain.messages import move_messages
from shared.domain.move_request import MoveRequest
from shared.domain.run import Mode, Signal
from shared.storage.codec import encode
from tests.simulation.fate import Dice, Fault, Gate, Outage, Process, Verdict
from tests.simulation.host import Host
from tests.simulation.loop import run
from tests.simulation.people import People, Person, State
from tests.simulation.rules import STRICT, Rules
from tests.simulation.universe import begin_timers
from tests.simulation.world import World


class Scene:
    """A world in good weather, with a host that is not started yet."""

    def __init__(self, seed: int, **changed: str) -> None:
        self.rng = random.Random(seed)
        self.dice = Dice(self.rng, {})
        self.people = People()
        self.world = World(Gate(self.dice), self.people, self.rng)
        self.host = Host(self.world, changed)
        self.rules = Rules(self.host, STRICT)

    def users(self, count: int, **state: Any) -> list[Person]:
        """Add licensed users; each on a third party, unless set otherwise."""
        return [
            self.people.add(State(**{"entries": self.people.third_party("BT"), **state}))
            for _ in range(count)
        ]

    def begin(self, instances: int = 2) -> None:
        """Start the app and its timers."""
        self.host.start(instances)
        begin_timers(self.host)

    async def start(self, count: int, *, instances: int = 2, **state: Any) -> list[Person]:
        """Add users, start the app, and let a minute pass; return the users."""
        users = self.users(count, **state)
        self.begin(instances)
        await minutes(1)
        return users

    def outage(self, site: str, begin: float, end: float) -> None:
        """Let a service be away between these seconds from now."""
        self.world.gate.outages.append(Outage(site, begin, end))

    def queue(self, users: Iterable[Person], run: str | None = None, delay: float = 0) -> None:
        """Queue users, as a notification would."""
        names = [user.id for user in users]
        for message in move_messages(Signal.LICENSE_EVENT, names, mode=Mode.MOVE, run=run):
            self.world.queues["moves"].put(encode(message), delay)

    async def attempt(self, request: MoveRequest, key: str) -> None:
        """Send a request once, whatever comes of it."""
        if instance := self.host.any():
            await self.host.run(instance, lambda app: app.move_requests.accept(request, key))

    def refuse(self, at: Callable[[str], bool], *which: int) -> None:
        """Refuse the calls that `at` names by their site: those number `which` (from 1), or all."""
        self.world.gate.fate = _Refusing(self.dice, at, which)

    def strike(self, site: str, fault: Fault) -> None:
        """Let the first call of a site meet a fault."""
        self.world.gate.fate = _Striking(self.dice, site, fault)

    def rows(self, table: str, user: Person | None = None) -> list[dict[str, Any]]:
        """Return the rows of a table, or those of a user."""
        rows = self.world.account.rows(table)
        return [row for row in rows if user is None or row["RowKey"] == user.id]

    def attention(self) -> list[dict[str, Any]]:
        """Return the rows that need a person."""
        return [row for row in self.rows("waiting") if row.get("list") == "attention"]

    def not_moved(self) -> list[Person]:
        """Return the users who are not on Microsoft."""
        return [user for user in self.people if user.state.third_party or not user.state.entries]

    def broken(self, *names: str) -> list[str]:
        """Return what broke of some rules."""
        return [each.facts for each in self.rules.broken if each.rule in names]


class _Refusing:
    def __init__(self, usual: Dice, at: Callable[[str], bool], which: Sequence[int]) -> None:
        self._usual, self._at, self._which = usual, at, which
        self._seen = 0

    def judge(self, process: Process, site: str) -> Verdict:
        if self._at(site):
            self._seen += 1
            if not self._which or self._seen in self._which:
                return Verdict(Fault.REFUSE)
        return self._usual.judge(process, site)


class _Striking:
    def __init__(self, usual: Dice, site: str, fault: Fault) -> None:
        self._usual, self._site, self._fault = usual, site, fault
        self._struck = False

    def judge(self, process: Process, site: str) -> Verdict:
        if site == self._site and not self._struck:
            self._struck = True
            return Verdict(self._fault)
        return self._usual.judge(process, site)


def act(story: Callable[[Scene], Awaitable[None]], seed: int = 1, **changed: str) -> Scene:
    """Play a scene with these settings and return it as it is at its end."""
    scenes: list[Scene] = []

    async def play() -> None:
        scenes.append(Scene(seed, **changed))
        await story(scenes[0])

    run(seed, play())
    return scenes[0]


def played(
    seeds: Iterable[int] = (1,), **changed: str
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Make a test of a story: it is played with each seed, in scenes with these settings."""

    def test_of(story: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        def test(**given: Any) -> None:
            for seed in seeds:
                act(lambda scene: story(scene, **given), seed, **changed)

        test.__name__, test.__doc__, test.__module__ = (
            story.__name__,
            story.__doc__,
            story.__module__,
        )
        whole = signature(story)
        given = [each for each in whole.parameters.values() if each.name != "scene"]
        test.__signature__ = whole.replace(parameters=given)  # type: ignore[attr-defined]
        return test

    return test_of


async def minutes(count: float) -> None:
    """Let virtual minutes pass."""
    await asyncio.sleep(60 * count)
