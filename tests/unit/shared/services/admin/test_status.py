"""The status, compared whole."""

from datetime import timedelta
from typing import Any, cast

from shared.domain.held import HeldUser
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Mode, Signal
from shared.services.admin.status import Status, StatusReader
from tests.fakes import NOON, FakeHeld, FakeState, FakeWaiting, guid


class Capabilities:
    """What is known of the service."""

    async def shown(self) -> dict[str, str]:
        return {"replace": "yes"}


async def test_the_status_counts_who_waits_for_what() -> None:
    """Released users are held no more; a run with two of them is one run."""
    pause = Pause("why", RequestedBy("adele"), NOON)
    held = [
        HeldUser(guid(number), "", "BT", Signal.SWEEP, run, NOON, released=released)
        for number, (run, released) in enumerate(
            [("one", False), ("one", False), ("two", False), ("three", True)]
        )
    ]
    waiting = FakeWaiting()
    later = NOON + timedelta(hours=1)
    await waiting.save_waiting(Waiting(guid(1), WaitReason.SERVICE, "x", NOON, later, NOON))
    for number in (2, 3):
        await waiting.save_waiting(ask_person(guid(number), "", "why", NOON))
    reader = StatusReader(
        FakeState(pausing=pause),
        FakeHeld({each.user_id: each for each in held}),
        waiting,
        cast("Any", Capabilities()),
        Mode.REPORT,
    )
    assert await reader.read() == Status(Mode.REPORT, pause, 2, 3, 1, 2, {"replace": "yes"})
