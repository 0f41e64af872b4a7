"""How far a move is, and the question before it."""

import asyncio
import os
import signal
from collections import Counter

import pytest

from cli.errors import CommandError
from cli.move.progress import Interrupts, Meter
from cli.move.question import ask


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    """It falls while no result comes, says so in the end, and a fast start does not hide it."""
    meter = Meter(1_000, 0.0)
    meter.add(600, 10.0)
    said = [meter.text(at) for at in (10.0, 20.0, 60.0)]
    meter.add(30, 75.0)
    assert [*said, meter.text(80.0)] == [
        "600 of 1,000 users, 60.0 users/s, 7 s left",
        "600 of 1,000 users, 30.0 users/s, 13 s left",
        "600 of 1,000 users, 0.0 users/s, no result lately",
        "630 of 1,000 users, 1.0 users/s, 6 min left",
    ]
    assert Meter(1, 0.0).text(1.0).startswith("0 of 1 user, ")


def test_one_interruption_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C and a SIGTERM behind it are one wish: it is carried out and said once."""
    stops: list[str] = []

    async def interrupted() -> bool:
        with Interrupts(lambda: stops.append("stop")) as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
            return interrupts.came

    assert asyncio.run(interrupted())
    assert (stops, capsys.readouterr().err.count("Stopping:")) == (["stop"], 1)


def test_the_question_is_about_those_who_will_be_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """36 of 131, with the outcomes of all; nobody is asked about nobody; no terminal is no answer."""
    with pytest.raises(CommandError, match="not an interactive terminal"):
        ask(36, Counter(would_move=36, unlicensed=90, failed=5))
    ask(0, Counter(already_microsoft=1))
    assert capsys.readouterr().err.splitlines() == [
        "36 of 131 users will be changed (failed 5, unlicensed 90, would_move 36)",
        "0 of 1 user will be changed (already_microsoft 1)",
        "nothing to do; --dry-run says why for each user",
    ]
