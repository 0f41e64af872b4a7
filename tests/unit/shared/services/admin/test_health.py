"""The health check: what is answered, what is logged, for how long, and how long a part may take."""

import asyncio
import random

import pytest

from shared.errors import UnreachableError
from shared.services.admin.health import Health
from shared.telemetry.log import EventLog
from tests.fakes import FakeClock
from tests.loglines import Lines
from tests.simulation.loop import VirtualLoop


async def well() -> None:
    """A part that answers."""


async def test_a_failing_part_is_named_in_the_log_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The answer says no more than `failing`: the address is public."""
    lines = Lines(caplog)
    away = UnreachableError("Graph", "GET /v1.0/users", "ConnectError")

    async def ill() -> None:
        raise away

    async def silent() -> None:
        raise TimeoutError

    parts = {"storage": well, "Graph": ill, "Teams": silent}
    health = Health(parts, FakeClock(), EventLog("acp.health"), ill)
    assert await health.check() == {"storage": "ok", "Graph": "failing", "Teams": "failing"}
    said = [(each["part"], each["reason"]) for each in lines.of("unhealthy")]
    assert said == [("Graph", str(away)), ("Teams", "no answer in time")]
    assert health.paused is False


async def test_an_answer_is_kept_for_ten_seconds() -> None:
    """After ten seconds exactly it still holds; a caller who changes it changes nobody else's."""
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    clock = FakeClock()
    health = Health({"storage": count}, clock, EventLog("acp.health"))
    (await health.check()).clear()
    for passed, calls in ((10.0, 1), (0.5, 2), (10.0, 2), (1.0, 3)):
        clock.passed += passed
        assert await health.check() == {"storage": "ok"}
        assert asked == calls


@pytest.mark.parametrize(("seconds", "answer"), [(4.9, "ok"), (5.1, "failing")])
def test_a_part_may_take_five_seconds(seconds: float, answer: str) -> None:
    """In virtual time: a part that hangs does not make the caller wait for it; nor does the pause."""
    loop = VirtualLoop(random.Random(1))

    async def slow() -> None:
        await asyncio.sleep(seconds)

    async def paused() -> bool:
        await slow()
        return True

    health = Health({"Teams": slow}, FakeClock(), EventLog("acp.health"), paused)
    assert health.paused is False
    assert loop.run_until_complete(health.check()) == {"Teams": answer}
    assert (loop.time(), health.paused) == (2 * min(seconds, 5.0), seconds < 5)
    loop.close()
