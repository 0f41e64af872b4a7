"""Pages of runs that failed again and again: the run says what a person can do."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain.messages import PageMessage, PoisonMessage
from shared.domain.run import Run, RunState
from shared.errors import ConflictError
from shared.services.move_requests.failed_pages import FailedPages
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeRuns
from tests.unit.shared.services.move_requests.world import RequestingWorld


@dataclass
class FakePoison:
    """A poison queue in memory."""

    texts: list[str] = field(default_factory=list)

    async def messages(self) -> AsyncIterator[PoisonMessage]:
        for text in list(self.texts):
            handle: Any = SimpleNamespace(id="handle")
            yield PoisonMessage(text, handle)

    async def delete(self, message: PoisonMessage) -> None:
        self.texts.remove(message.text)


async def record(runs: FakeRuns, *texts: str) -> list[str]:
    """Record these messages; return what is left of them."""
    poison = FakePoison(list(texts))
    await FailedPages(poison, runs, EventLog("acp.poison")).record()
    return poison.texts


def running(scanned: bool = True) -> Run:
    """A run under way."""
    return Run("r1", "request", RunState.RUNNING, NOON, counts={"users": 3}, scanned=scanned)


@pytest.mark.parametrize(
    ("page", "state", "said"),
    [
        (
            3,
            RunState.INTERRUPTED,
            "page 3 failed again and again; go on with: acp move --resume r1",
        ),
        (0, RunState.FAILED, "its users could not be found; begin a new run"),
    ],
)
async def test_the_run_says_what_to_do(page: int, state: RunState, said: str) -> None:
    """A page that failed interrupts the run; one that was to find its users ends it."""
    runs = FakeRuns({"r1": running()})
    assert await record(runs, PageMessage(run="r1", page=page).encode()) == []
    assert (runs.runs["r1"].state, runs.runs["r1"].reason) == (state, said)


async def test_a_dry_run_cannot_be_gone_on_with() -> None:
    """A dry run whose page failed ends: there is nothing to resume."""
    runs = FakeRuns({"r1": replace(running(), cause="preview")})
    await record(runs, PageMessage(run="r1", page=2).encode())
    assert runs.runs["r1"].state is RunState.FAILED
    assert "begin a new dry run" in runs.runs["r1"].reason


async def test_other_messages_change_nothing() -> None:
    """What is no message stays for a person; an unknown run and a finished one are passed over."""
    done = Run("r2", "request", RunState.FINISHED, NOON)
    runs = FakeRuns({"r2": done})
    pages = [PageMessage(run=run, page=1).encode() for run in ("r1", "r2")]
    assert await record(runs, "no message", *pages) == ["no message"]
    assert runs.runs == {"r2": done}


async def test_a_run_that_was_not_taken_in_is_not_gone_on_with() -> None:
    """A run whose users were never all written down must not end as if they were done."""
    world = RequestingWorld()
    world.runs.runs["r1"] = running(scanned=False)
    with pytest.raises(ConflictError, match="its users were not all written down"):
        await world.requester().find("r1")
