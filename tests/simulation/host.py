"""The Functions host: instances that come and go, queue triggers as host.json says, timers."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from shared.bootstrap.services import App
from shared.domain.messages import Upkeep
from shared.errors import AcpError
from shared.settings.settings import Settings
from shared.storage.codec import decode_move, decode_page, decode_upkeep
from tests.simulation.fate import Process
from tests.simulation.loop import Clock, Crash, VirtualLoop
from tests.simulation.queues import Bin, Letter
from tests.simulation.world import World, settings

_OPTIONS: Final = json.loads((Path(__file__).parents[2] / "host.json").read_text(encoding="utf-8"))[
    "extensions"
]["queues"]
_AT_ONCE: Final[int] = _OPTIONS["batchSize"] + _OPTIONS["newBatchThreshold"]
_AGAIN_AFTER: Final = float(_OPTIONS["visibilityTimeout"].rpartition(":")[2])
_TIMEOUT: Final = 3600.0
"""`functionTimeout`: the host stops a function, and all that is in work with it."""
_LEASE: Final = 600.0
"""The host hides a message for ten minutes while it works on it: so long a crash may hold it."""

CAUSE: Final[ContextVar[Letter | None]] = ContextVar("cause", default=None)
"""The message that the code under way works on."""


@dataclass(eq=False)
class Instance:
    """One process of the function app. busy: messages in work, by queue."""

    process: Process
    app: App
    holds: list[tuple[Bin, Letter]] = field(default_factory=list)
    busy: Counter[str] = field(default_factory=Counter)


class Host:
    """Runs instances of the app. duplicates: the share of messages that are delivered twice.

    usual: the settings that it begins with, and has again in the end. calm: nothing fails any more.
    """

    def __init__(self, world: World, usual: dict[str, str], *, skew: float = 0.0) -> None:
        self.world = world
        self.usual = usual
        self.settings = settings(**usual)
        self.duplicates = 0.0
        self.calm = False
        self.alive: list[Instance] = []
        self.reached: Counter[str] = Counter()
        self._skew = skew
        self._started = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._handlers: dict[str, Callable[[App, Letter], Awaitable[object]]] = {
            "moves": self._move,
            "moves-requests": lambda app, letter: app.move_requests.work(
                decode_page(letter.text), again=letter.deliveries > 1
            ),
            "moves-upkeep": self._upkeep,
            "moves-events": lambda app, letter: app.queued_events.take(
                letter.text.encode(), letter.arrived
            ),
        }
        for name in self._handlers:
            world.queues[name].on_visible = self._watch(name)
        world.gate.on_crash = self._crashed

    def start(self, count: int = 1) -> None:
        """Start instances with the settings as they are now."""
        for _ in range(count):
            self._started += 1
            skew = self.world.rng.uniform(-self._skew, self._skew)
            mode = str(self.settings.mode)
            process = Process(f"instance-{self._started}", Clock(skew), mode)
            instance = Instance(process, self.world.app(process, self.settings))
            self.alive.append(instance)
            self.spawn(self.run(instance, lambda app: app.subscriber.keep()))
        for name in self._handlers:
            self._pump(name)

    def change(self, changed: Settings) -> None:
        """Change the settings: every instance is replaced by a new one."""
        if any(self.world.queues[name].letters for name in ("moves", "moves-requests")):
            self.reached["settings changed with a full queue"] += 1
        self.settings = changed
        for instance in list(self.alive):
            instance.process.dead = True
            self._crashed(instance.process)

    async def _move(self, app: App, letter: Letter) -> None:
        message = replace(decode_move(letter.text), arrived=letter.arrived)
        moves = self.world.queues["moves"]
        known = set(moves.letters)
        results = await app.mover.handle(message)
        # Who could not be recorded has no result either, and was sent again.
        sent = (moves.letters[each].text for each in moves.letters.keys() - known)
        again = any((message.operation or "") in text for text in sent)
        self.reached["left out"] += not results and not again

    async def _upkeep(self, app: App, letter: Letter) -> None:
        part = decode_upkeep(letter.text).part
        self.reached["part of a tick cut off"] += part is not Upkeep.RENEW
        await app.ticker.run(part)

    def any(self) -> Instance | None:
        """Return an instance that lives, or None."""
        return self.world.rng.choice(self.alive) if self.alive else None

    def spawn(self, work: Any) -> None:
        """Let something happen beside the rest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def run(self, instance: Instance, work: Callable[[App], Awaitable[object]]) -> bool:
        """Run a function of the app; errors of our tree are its business. Return whether it ended well."""
        with suppress(Crash, AcpError):
            await work(instance.app)
            return True
        return False

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.world.defects.append(error)

    def timer(
        self,
        first: float,
        period: float,
        work: Callable[[App], Awaitable[object]],
        idle: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Run a timer for ever.

        idle: until when ticks would find nothing to do if nothing else happens; those are left out.
        """
        loop = cast("VirtualLoop", asyncio.get_running_loop())

        def tick(at: float) -> None:
            until = idle()
            if self.alive and until <= at:
                self.spawn(fire(at))
            else:
                late = min(until, loop.upcoming()) - at
                at += period * max(1, math.ceil(late / period))
                loop.call_at(at, tick, at)

        async def fire(at: float) -> None:
            rng = self.world.rng
            instances = rng.sample(self.alive, min(2, len(self.alive)))
            if len(instances) > 1 and rng.random() < self.duplicates:
                # The host's own lease on a timer may be lost: then two instances run it.
                self.reached["timer runs twice"] += 1
                self.spawn(self.run(instances[1], work))
            for instance in instances[:1]:
                await self.run(instance, work)
            at += period * max(1, -(-(loop.time() - at) // period))
            loop.call_at(at, tick, at)

        loop.call_at(first, tick, first)

    def _watch(self, name: str) -> Callable[[float], None]:
        def watch(at: float) -> None:
            if at != float("inf"):
                asyncio.get_running_loop().call_at(at, self._pump, name)

        return watch

    def _pump(self, name: str) -> None:
        content, rng = self.world.queues[name], self.world.rng
        letters = content.visible()
        rng.shuffle(letters)
        for letter in letters:
            free = [instance for instance in self.alive if instance.busy[name] < _AT_ONCE]
            if not free:
                return
            self.spawn(self._deliver(rng.choice(free), content, letter))

    def _deliver(self, instance: Instance, content: Bin, letter: Letter) -> Awaitable[None]:
        content.hide(letter, float("inf"))
        letter.deliveries += 1
        instance.busy[content.name] += 1
        instance.holds.append((content, letter))
        if self.world.rng.random() < self.duplicates:
            self.reached["delayed duplicate"] += 1
            delay = self.world.rng.expovariate(1 / 60)
            twin = content.put(letter.text, delay, letter.mode)
            twin.deliveries, twin.sent_at = 1, letter.sent_at
        return self._work(instance, content, letter)

    async def _work(self, instance: Instance, content: Bin, letter: Letter) -> None:
        began = asyncio.get_running_loop().time()
        with _caused_by(letter):
            try:
                await self._handlers[content.name](instance.app, letter)
            except Crash:
                return
            except (AcpError, ExceptionGroup) as error:
                if isinstance(error, ExceptionGroup) and error.split(AcpError)[1]:
                    raise  # a defect among the errors of several steps
                if letter.deliveries >= _OPTIONS["maxDequeueCount"]:
                    self.reached["poison"] += 1
                    self.world.queues[f"{content.name}-poison"].put(letter.text, 0, letter.mode)
                    content.letters.pop(letter.id, None)
                else:
                    content.hide(letter, _AGAIN_AFTER)
            else:
                content.letters.pop(letter.id, None)
        if (took := asyncio.get_running_loop().time() - began) > _TIMEOUT:
            self.world.defects.append(
                TimeoutError(f"a message of {content.name} took {took:.0f} s")
            )
        instance.holds.remove((content, letter))
        instance.busy[content.name] -= 1
        self._pump(content.name)

    def _crashed(self, process: Process) -> None:
        loop, rng = asyncio.get_running_loop(), self.world.rng
        for instance in self.alive:
            if instance.process is process:
                break
        else:
            return
        self.alive.remove(instance)
        for content, letter in instance.holds:
            self.reached["crash with a message"] += 1
            content.hide(letter, rng.uniform(0, _LEASE))
        loop.call_later(rng.uniform(1, 60), self.start)


@contextmanager
def _caused_by(letter: Letter) -> Iterator[None]:
    token = CAUSE.set(letter)
    try:
        yield
    finally:
        CAUSE.reset(token)
