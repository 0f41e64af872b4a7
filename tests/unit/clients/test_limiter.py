"""The limiter: never more calls than permitted, everybody obeys Retry-After, speed adapts."""

import asyncio

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
    assert clock.passed == 30


async def test_longer_pause_wins() -> None:
    """A second, shorter Retry-After does not shorten the pause."""
    clock = FakeClock()
    limiter = Limiter(clock, 8)
    limiter.throttled(clock.monotonic(), 30)
    limiter.throttled(clock.monotonic(), 1)
    assert limiter.pause_left() == 30


async def test_halves_once_a_round_and_recovers_by_one_a_round() -> None:
    """Calls sent before a cut do not cut again; good answers bring the speed back, up to the ceiling."""
    clock = FakeClock()
    limiter = Limiter(clock, 16)
    started = clock.monotonic()
    clock.passed += 1
    for _ in range(5):
        limiter.throttled(started, 0)
    assert limiter.limit == 8
    for _ in range(8):
        limiter.succeeded(clock.monotonic() + 1)
    assert limiter.limit == 8
    limiter.succeeded(clock.monotonic() + 1)
    assert limiter.limit == 9
    for _ in range(500):
        limiter.succeeded(clock.monotonic() + 1)
    assert limiter.limit == 16


async def test_slows_down_before_the_wall() -> None:
    """A service that reports 80 % of its limit used is called less before it refuses."""
    clock = FakeClock()
    limiter = Limiter(clock, 10)
    limiter.succeeded(clock.monotonic(), used_share=0.9)
    assert limiter.limit == 8


async def test_at_least_one_call_goes() -> None:
    """However often the service throttles, one call at a time is still tried."""
    clock = FakeClock()
    limiter = Limiter(clock, 4)
    for _ in range(20):
        clock.passed += 1
        limiter.throttled(clock.monotonic(), 0)
    assert limiter.limit == 1
    assert await run_calls(limiter, 3) == 1
