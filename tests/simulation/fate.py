"""What happens at each port call: how long it takes, whether it fails, and who dies of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple, NoReturn, Protocol, cast

from tests.simulation.loop import Clock, Crash, VirtualLoop


class Fault(StrEnum):
    """What may happen to a call."""

    REFUSE = "refuse"
    """It fails at once, without effect."""
    TIME_OUT = "time-out"
    """It fails after a long time, without effect."""
    GHOST = "ghost"
    """It takes effect and fails."""
    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    SLOW = "slow"
    """It takes many seconds."""


class Process:
    """One instance of the app, or one command line; whatever it asks of the world names it."""

    def __init__(self, name: str, clock: Clock, mode: str = "move") -> None:
        self.name = name
        self.clock = clock
        self.mode = mode
        self.dead = False


class Verdict(NamedTuple):
    """What happens to one call: its fault, if any, and its seconds before and after the effect."""

    fault: Fault | None = None
    before: float = 0.0
    after: float = 0.0


class Fate(Protocol):
    """Decides about each call."""

    def judge(self, process: Process, site: str) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Outage:
    """A span in which all calls to sites that begin with `site` fail. denied: with a 403."""

    site: str
    begin: float
    end: float
    denied: bool = False

    def strikes(self, site: str, at: float) -> bool:
        """Whether a call now fails."""
        return self.begin <= at < self.end and site.startswith(self.site)


_SECONDS: Final = {"table": 0.03, "queue": 0.03, "graph": 0.3, "teams": 0.6}
"""How long a call to each service takes, about."""


class Dice:
    """Chance. rates: the share of calls that each fault strikes."""

    def __init__(self, rng: random.Random, rates: dict[Fault, float]) -> None:
        self._rng = rng
        kinds = sorted(rates)
        self._below = list(zip(kinds, accumulate(rates[kind] for kind in kinds), strict=True))
        self._share = self._below[-1][1] if kinds else 0.0
        self.calm = False

    def judge(self, process: Process, site: str) -> Verdict:
        random = self._rng.random
        draw, usual = random(), _SECONDS[site.partition(".")[0]] * (0.2 + random())
        fault = None
        if draw < self._share and not self.calm:
            fault = next(kind for kind, below in self._below if draw < below)
        if fault is Fault.SLOW:
            return Verdict(fault, self._rng.uniform(1, 20))
        if fault is Fault.TIME_OUT:
            return Verdict(fault, 30 + usual)
        # The time passes on the way there or on the way back.
        return Verdict(fault, usual, 0.0) if random() < 0.5 else Verdict(fault, 0.0, usual)


class Script:
    """No chance at all: call number -> its verdict. Counts the calls, so that a list can be made."""

    def __init__(self, verdicts: dict[int, Verdict] | None = None) -> None:
        self.verdicts = verdicts or {}
        self.calls = 0

    def judge(self, process: Process, site: str) -> Verdict:
        self.calls += 1
        return self.verdicts.get(self.calls, Verdict(None, 0.01, 0.01))


@dataclass
class Gate:
    """What every port call passes through.

    outages: spans without an answer. on_crash: called with the process that dies. struck: how often
    each fault did. digest: of the times of all calls, so that two runs can be compared; a call's time comes
    from all that was drawn before it. (The hash of numbers is the same in every process.)
    """

    fate: Fate
    outages: list[Outage] = field(default_factory=list)
    on_crash: Callable[[Process], None] = lambda _: None
    struck: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    _hash: int = 0

    async def call[T](
        self, process: Process, site: str, effect: Callable[[], T], error: Callable[[], Exception]
    ) -> T:
        """Let one call happen. error: what the caller gets where the call fails."""
        if process.dead:
            raise Crash
        fault, before, after = self.fate.judge(process, site)
        self.calls += 1
        loop = cast("VirtualLoop", asyncio.get_running_loop())
        self._hash = hash((self._hash, loop.time(), len(site), fault is None))
        if fault:
            self.struck[fault] += 1
        if before:
            await loop.after(before)
            if process.dead:
                raise Crash
        for outage in self.outages:
            if outage.strikes(site, loop.time()):
                self.struck["outage"] += 1
                raise error()
        value = self._take_effect(fault, process, effect, error) if fault else effect()
        if after:
            await loop.after(after)
            if process.dead:
                raise Crash
        return value

    def _take_effect[T](
        self,
        fault: Fault,
        process: Process,
        effect: Callable[[], T],
        error: Callable[[], Exception],
    ) -> T:
        match fault:
            case Fault.REFUSE | Fault.TIME_OUT:
                raise error()
            case Fault.CRASH_BEFORE:
                self._crash(process)
        value = effect()
        match fault:
            case Fault.CRASH_AFTER:
                self._crash(process)
            case Fault.GHOST:
                raise error()
        return value

    def is_denied(self, site: str) -> bool:
        """Whether calls to a site are refused for lack of a role just now."""
        now = asyncio.get_running_loop().time()
        return any(outage.denied and outage.strikes(site, now) for outage in self.outages)

    @property
    def digest(self) -> str:
        """The digest of what happened so far."""
        return f"{self._hash & 2**64 - 1:016x}"

    def _crash(self, process: Process) -> NoReturn:
        process.dead = True
        self.on_crash(process)
        raise Crash


def outage_sites() -> Iterable[str]:
    """What can be away as a whole."""
    return ("teams", "graph", "queue", "table.users", "table.waiting", "table.replacedproviders")
