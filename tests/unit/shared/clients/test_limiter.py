"""The limiter: never more calls than permitted, everybody obeys Retry-After, speed adapts."""

import asyncio
import heapq
from random import Random

import pytest

from shared.clients.limiter import LateError, Limiter, Turnstile
from tests.fakes import FakeClock


async def run_calls(limiter: Limiter, count: int) -> int:
    """Run `count` calls at once; return how many were under way together at most."""
    now = most = 0

    async def call() -> None:
        nonlocal now, most
        async with limiter.slot():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(call() for _ in range(count)))
    return most


def slowed(rounds: int = 50, ceiling: int = 16) -> tuple[Limiter, FakeClock]:
    """A limiter whose calls were refused for so many seconds: down to a call in ten seconds."""
    clock = FakeClock()
    limiter = Limiter(clock, ceiling)
    for _ in range(rounds):
        clock.passed += 1
        limiter.throttled(clock.monotonic(), 0)
    return limiter, clock


class Bucket:
    """A service with a token bucket: `rate` calls a second, as many in a burst."""

    def __init__(self, clock: FakeClock, rate: float) -> None:
        self.clock = clock
        self.rate = rate
        self.tokens = self.burst = max(1.0, rate)
        self.at = clock.monotonic()

    def take(self) -> bool:
        now = self.clock.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    async def call(self, limiter: Limiter, seconds: float, pause: float = 1.0) -> bool:
        """Make a call that takes so long, and let the limiter know; return whether it was good."""
        async with limiter.slot() as started:
            self.clock.passed += seconds
            taken = self.take()
        if taken:
            limiter.succeeded(started)
        else:
            limiter.throttled(started, pause)
        return taken


async def test_ceiling_is_kept() -> None:
    """However many callers there are, calls in flight never exceed the setting."""
    assert await run_calls(Limiter(FakeClock(), 3), 50) == 3


async def test_retry_after_holds_everybody() -> None:
    """Rule 7: after one caller's 429 every caller waits for the time the service asked for."""
    clock = FakeClock()
    limiter = Limiter(clock, 8)
    limiter.throttled(clock.monotonic(), 30)
    await run_calls(limiter, 5)
    assert 30 <= clock.passed < 36


async def test_longer_pause_wins() -> None:
    """A second, shorter Retry-After does not shorten the pause."""
    clock = FakeClock()
    limiter = Limiter(clock, 8)
    limiter.throttled(clock.monotonic(), 30)
    limiter.throttled(clock.monotonic(), 1)
    assert limiter.pause_left() == 30


async def test_slows_down_once_a_round_and_recovers_up_to_the_ceiling() -> None:
    """Answers to calls sent before a cut do not cut again; good answers bring the speed back."""
    clock = FakeClock()
    limiter = Limiter(clock, 10)
    started = clock.monotonic()
    clock.passed += 1
    for _ in range(5):
        limiter.throttled(started, 0)
    assert limiter.limit == 8
    for _ in range(500):
        limiter.succeeded(clock.monotonic())
    assert limiter.limit == 10


async def test_slows_down_before_the_wall() -> None:
    """A service that reports 80 % of its limit used is called a little less before it refuses."""
    clock = FakeClock()
    limiter = Limiter(clock, 20)
    limiter.succeeded(clock.monotonic(), used_share=0.79)
    assert limiter.rate is None
    limiter.succeeded(clock.monotonic(), used_share=0.8)
    assert limiter.limit == 19
    assert limiter.rate is not None


async def test_one_call_at_a_time_still_goes() -> None:
    """However often the service throttles, calls go on, one at a time and at least every ten seconds."""
    limiter, clock = slowed(ceiling=4)
    assert limiter.limit == 1
    before = clock.passed
    assert await run_calls(limiter, 3) == 1
    assert clock.passed - before <= 30


async def test_waiting_caller_that_is_cancelled_leaves_no_hole() -> None:
    """A caller that gives up while it waits takes no one's turn."""
    limiter = Limiter(FakeClock(), 1)
    async with limiter.slot():
        waiting = asyncio.create_task(run_calls(limiter, 1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert await run_calls(limiter, 2) == 1


async def test_idle_time_does_not_raise_the_speed() -> None:
    """After hours with few calls a burst still starts at the speed that was learned."""
    clock = FakeClock()
    limiter = Limiter(clock, 16)
    limiter.throttled(clock.monotonic(), 0)
    learned = limiter.rate
    for _ in range(100):
        clock.passed += 60
        limiter.succeeded(clock.monotonic())
    assert limiter.rate == learned


async def test_a_night_without_calls_does_not_raise_the_lowest_speed() -> None:
    """Nor does it overflow anything: the first answers of the morning count as any others."""
    limiter, clock = slowed()
    for _ in range(3):
        clock.passed += 36_000
        async with limiter.slot() as started:
            pass
        limiter.succeeded(started)
    assert 0.1 < (limiter.rate or 0) < 1.0


@pytest.mark.parametrize(("rate", "most"), [(1.0, 0.05), (5.0, 0.02), (50.0, 0.01), (400.0, 0.01)])
async def test_settles_just_below_a_bucket(rate: float, most: float) -> None:
    """Against a token bucket a limiter soon runs at nearly its rate, with few throttled calls."""
    clock = FakeClock()
    limiter, bucket = Limiter(clock, 16), Bucket(clock, rate)
    while clock.passed < 30:
        await bucket.call(limiter, 0.002)
    calls, span = list[bool](), min(200, 8_000 / rate)
    while clock.passed < 30 + span:
        calls.append(await bucket.call(limiter, 0.002))
    assert calls.count(False) / len(calls) < most
    assert calls.count(True) / span > 0.75 * rate


@pytest.mark.parametrize("pause", [1.0, 30.0])
async def test_minutes_of_throttling_are_soon_over(pause: float) -> None:
    """A service that refused everything for ten minutes takes 50 calls a second: most of them after 150 s."""
    clock = FakeClock()
    limiter, nothing = Limiter(clock, 16), Bucket(clock, 0)
    nothing.tokens = 0
    while clock.passed < 600 - pause:
        await nothing.call(limiter, 0.02, pause)
    clock.passed = 600.0
    assert limiter.rate is not None
    assert limiter.rate < 1.0
    bucket = Bucket(clock, 50.0)
    while limiter.rate is not None and limiter.rate < 40 and clock.passed < 3_600:
        await bucket.call(limiter, 0.002)
    assert clock.passed < 600 + 150


@pytest.mark.parametrize("seconds", [0.1, 1.5])
async def test_slow_answers_do_not_keep_the_speed_down(seconds: float) -> None:
    """At a call in ten seconds none has started in the second before one ends: it is used all the same."""
    limiter, clock = slowed()
    began = clock.passed
    while (limiter.rate or 0) < 0.5 and clock.passed < began + 3_600:
        async with limiter.slot() as started:
            clock.passed += seconds
        limiter.succeeded(started)
    assert clock.passed < began + 240


@pytest.mark.parametrize("pause", [10.0, 60.0])
async def test_a_long_pause_is_no_calm(pause: float) -> None:
    """After it the rate is lower than before, so that few calls of an hour are refused."""
    clock = FakeClock()
    limiter, bucket = Limiter(clock, 16), Bucket(clock, 1.0)
    calls = list[bool]()
    while clock.passed < 3_600:
        calls.append(await bucket.call(limiter, 0.1, pause))
    waited = calls.count(False) * pause
    assert calls.count(True) / (3_600 - waited) > 0.7, "what it may use between the pauses"
    assert waited < 0.75 * 3_600


@pytest.mark.parametrize("hosts", [2, 4, 8])
async def test_several_share_a_bucket(hosts: int) -> None:
    """They begin one after the other with equal work, which takes a fifth longer than at best at most."""
    clock, work, random = FakeClock(), 6_000 // hosts, Random(3)
    limiters, bucket = [Limiter(clock, 64) for _ in range(hosts)], Bucket(clock, 50.0)
    left = [work] * hosts
    turns = [(float(host), host) for host in range(hosts)]
    calls = list[bool]()
    while turns:
        clock.passed, host = heapq.heappop(turns)
        limiter = limiters[host]
        calls.append(await bucket.call(limiter, 0))
        left[host] -= calls[-1]
        if left[host]:
            spacing = 1.0 / (limiter.rate or 60.0)
            at = clock.passed + max(limiter.pause_left(), spacing * random.uniform(0.95, 1.05))
            heapq.heappush(turns, (at, host))
    assert clock.passed < 1.2 * calls.count(True) / 50.0
    assert calls.count(False) / len(calls) < 0.02


async def test_a_call_with_a_deadline_waits_for_nobodys_turn() -> None:
    """At a call in ten seconds it begins at once, before those in line, and they make up for it."""
    limiter, clock = slowed()
    began, order = clock.passed, list[tuple[str, float]]()

    async def call(name: str, within: float | None = None) -> None:
        async with limiter.slot(within=within):
            order.append((name, round(clock.passed - began)))

    await call("read")
    await call("set", within=2)
    await call("next read")
    assert order == [("read", 0), ("set", 0), ("next read", 20)]


@pytest.mark.parametrize(("rounds", "apart"), [(0, 0.0), (50, 0.1)])
async def test_calls_on_credit_come_one_after_another(rounds: int, apart: float) -> None:
    """Users whose entries a slow storage saved in one moment are not set in one, where calls are limited."""
    limiter, clock = slowed(rounds)
    began, turns = clock.passed, list[float]()
    for _ in range(4):
        async with limiter.slot(within=2):
            turns.append(round(clock.passed - began, 3))
    assert turns == [pytest.approx(number * apart) for number in range(4)]


async def test_a_call_on_credit_is_late_behind_too_many_others() -> None:
    """Its two seconds are over before its turn: what was read is read again."""
    limiter, clock = slowed()
    for _ in range(3):
        async with limiter.slot(within=2):
            pass
    with pytest.raises(LateError):
        async with limiter.slot(within=0.05):
            pytest.fail("there was a turn")
    assert clock.slept[-1] == pytest.approx(0.1)


async def test_a_burst_that_was_refused_says_little() -> None:
    """After the first refusal the rate doubles within ten seconds; after the next it is a known limit."""
    clock = FakeClock()
    limiter, bucket = Limiter(clock, 64), Bucket(clock, 100.0)
    limiter.throttled(clock.monotonic(), 0)
    first = limiter.rate or 0
    grown = []
    for _ in range(2):
        began = clock.passed
        while clock.passed < began + 10:
            assert await bucket.call(limiter, 0.0)
        grown.append((limiter.rate or 0) / first)
        limiter.throttled(clock.monotonic(), 0)
        first = limiter.rate or 0
    assert grown[0] > 2
    assert grown[1] < 1.5


async def test_a_call_with_a_deadline_has_the_next_free_slot() -> None:
    """Where all are taken it passes those who were there before; one that gives up leaves no hole."""
    clock = FakeClock()
    limiter, order = Limiter(clock, 1), list[str]()

    async def call(name: str, within: float | None = None) -> None:
        async with limiter.slot(within=within):
            order.append(name)
            await asyncio.sleep(0)

    async with limiter.slot():
        calls = [asyncio.create_task(call(f"read {n}")) for n in range(2)]
        await asyncio.sleep(0)
        calls.append(asyncio.create_task(call("set", within=2)))
        gives_up = asyncio.create_task(call("gives up", within=2))
        await asyncio.sleep(0)
        gives_up.cancel()
        await asyncio.gather(gives_up, return_exceptions=True)
    await asyncio.gather(*calls)
    assert order == ["set", "read 0", "read 1"]


async def test_those_who_are_first_pass_before_the_others() -> None:
    """A user who was begun is finished before the next one begins, however many wait."""
    limiter, order = Limiter(FakeClock(), 1), list[str]()

    async def call(name: str, *, first: bool) -> None:
        async with limiter.slot(first=first):
            order.append(name)
            await asyncio.sleep(0)

    async with limiter.slot():
        calls = [asyncio.create_task(call(f"new {n}", first=False)) for n in range(3)]
        await asyncio.sleep(0)
        calls += [asyncio.create_task(call(f"begun {n}", first=True)) for n in range(2)]
        await asyncio.sleep(0)
    await asyncio.gather(*calls)
    # The first of the others was at the turnstile already.
    assert order == ["new 0", "begun 0", "begun 1", "new 1", "new 2"]


async def test_a_turn_that_is_late_is_refused_and_costs_nothing() -> None:
    """A caller with two seconds does not wait out a pause of three, and the next caller does."""
    clock = FakeClock()
    limiter = Limiter(clock, 8)
    limiter.throttled(clock.monotonic(), 3)
    with pytest.raises(LateError):
        async with limiter.slot(first=True, within=2):
            pytest.fail("there was a turn")
    assert clock.slept == []
    async with limiter.slot(first=True, within=4):
        assert clock.passed == 3
    with pytest.raises(LateError):
        async with limiter.slot(within=-1):
            pytest.fail("there was a turn")


async def test_time_spent_behind_others_counts() -> None:
    """Two seconds are over when the call before takes three: the turn is refused."""
    clock = FakeClock()
    limiter = Limiter(clock, 1)

    async def late() -> None:
        async with limiter.slot(within=2):
            pytest.fail("there was a turn")

    async with limiter.slot():
        waits = asyncio.create_task(late())
        await asyncio.sleep(0)
        clock.passed += 3
    with pytest.raises(LateError):
        await waits
    assert await run_calls(limiter, 3) == 1


@pytest.mark.parametrize("handed_on", [False, True])
async def test_a_turnstile_survives_callers_who_give_up(handed_on: bool) -> None:
    """Canceled while waiting, or just when the turn was given: the next one passes."""
    turnstile, passed = Turnstile(), list[int]()

    async def call(number: int) -> None:
        async with turnstile.pass_(first=False):
            passed.append(number)

    async with turnstile.pass_(first=True):
        calls = [asyncio.create_task(call(number)) for number in range(3)]
        await asyncio.sleep(0)
        if not handed_on:
            calls[0].cancel()
            await asyncio.sleep(0)
    if handed_on:
        calls[0].cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert passed == [1, 2]
    async with turnstile.pass_(first=False):
        passed.append(3)
    assert passed == [1, 2, 3]


async def test_callers_cut_at_once_with_the_holder_end_as_cancelled() -> None:
    """Two who wait are cut when the turn is handed on: both end as cut, and the next one passes."""
    turnstile = Turnstile()

    async def call() -> None:
        async with turnstile.pass_(first=False):
            pytest.fail("there was a turn")

    async with turnstile.pass_(first=True):
        calls = [asyncio.create_task(call()) for _ in range(2)]
        await asyncio.sleep(0)
        for waiting in calls:
            waiting.cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
    async with asyncio.timeout(1), turnstile.pass_(first=False):
        pass
