"""The limiter: never more calls than permitted, everybody obeys Retry-After, speed adapts."""

import asyncio

import pytest

from shared.clients.limiter import Limiter
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
    """However often the service throttles, calls go on, one at a time and at least every two seconds."""
    clock = FakeClock()
    limiter = Limiter(clock, 4)
    for _ in range(50):
        clock.passed += 1
        limiter.throttled(clock.monotonic(), 0)
    assert limiter.limit == 1
    before = clock.passed
    assert await run_calls(limiter, 3) == 1
    assert clock.passed - before <= 6


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


class Bucket:
    """A service with a token bucket: `rate` calls a second, as many in a burst."""

    def __init__(self, clock: FakeClock, rate: float) -> None:
        self.clock = clock
        self.rate = rate
        self.tokens = rate
        self.at = clock.monotonic()

    def take(self) -> bool:
        now = self.clock.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@pytest.mark.parametrize("rate", [5.0, 50.0, 400.0])
async def test_settles_just_below_a_bucket(rate: float) -> None:
    """Against a token bucket a limiter soon runs at nearly its rate, with under 1 % throttled calls."""
    clock = FakeClock()
    limiter, bucket = Limiter(clock, 16), Bucket(clock, rate)
    good = bad = 0
    warm = 30.0
    while clock.passed < warm + 200:
        async with limiter.slot() as started:
            clock.passed += 0.002
            taken = bucket.take()
        if taken:
            limiter.succeeded(started)
        else:
            limiter.throttled(started, 1.0)
        if clock.passed > warm:
            good, bad = good + taken, bad + (not taken)
    assert bad / (good + bad) < 0.01
    assert good / 200 > 0.75 * rate
