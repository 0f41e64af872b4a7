"""Pages of runs that failed repeatedly: the run says what a person can do."""

from dataclasses import replace

import pytest

from shared.domain.messages import PageMessage
from shared.domain.run import Run, RunState, Signal
from shared.errors import ConflictError
from shared.services.move_requests.failed_pages import FailedPages
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakePoison, FakeRuns
from tests.loglines import Lines
from tests.unit.shared.services.move_requests.world import RequestingWorld


async def record(runs: FakeRuns, *contents: PageMessage | str) -> list[PageMessage | str]:
    """Record these messages; return what is left of them."""
    poison = FakePoison[PageMessage](list(contents))
    await FailedPages(poison, runs, EventLog("acp.poison")).record()
    return poison.left


def running(scanned: bool = True) -> Run:
    """A run under way."""
    return Run("r1", Signal.REQUEST, RunState.RUNNING, NOON, counts={"users": 3}, scanned=scanned)


@pytest.mark.parametrize(
    ("cause", "page", "state", "said"),
    [
        (
            Signal.REQUEST,
            3,
            RunState.INTERRUPTED,
            "page 3 failed repeatedly; resume the run",
        ),
        (
            Signal.PREVIEW,
            2,
            RunState.FAILED,
            "page 2 failed repeatedly; begin a new dry run",
        ),
        (Signal.REQUEST, 0, RunState.FAILED, "its users could not be found; begin a new run"),
    ],
)
async def test_the_run_says_what_to_do(
    cause: Signal, page: int, state: RunState, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A page that failed interrupts the run; one that was to find its users, or a dry run's, ends it."""
    lines, runs = Lines(caplog), FakeRuns({"r1": replace(running(), cause=cause)})
    assert await record(runs, PageMessage(run="r1", page=page)) == []
    assert runs.runs == {"r1": replace(running(), cause=cause, state=state, reason=said)}
    line = lines.one("run_interrupted")
    assert (line["run"], line["reason"]) == ("r1", said)


async def test_other_messages_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What is malformed stays for a person; an unknown run and a finished one are passed over."""
    done = Run("r2", Signal.REQUEST, RunState.FINISHED, NOON)
    runs = FakeRuns({"r2": done})
    pages = [PageMessage(run=run, page=1) for run in ("r1", "r2")]
    assert await record(runs, "no message", *pages) == ["no message"]
    assert (runs.runs, Lines(caplog).of("run_interrupted")) == ({"r2": done}, [])


class Finishing(FakeRuns):
    """Runs that another instance finishes right after they were read."""

    async def find_run(self, run: str) -> Run | None:
        found = await super().find_run(run)
        if found and found.state is RunState.RUNNING:
            self._write(replace(found, state=RunState.FINISHED))
        return found


async def test_a_run_that_finishes_at_that_moment_stays_finished(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Attack 7: the page is declared failed on an old read; what the other instance wrote counts."""
    runs = Finishing({"r1": running()})
    assert await record(runs, PageMessage(run="r1", page=3)) == []
    assert runs.runs == {"r1": replace(running(), state=RunState.FINISHED, revision="1")}
    assert Lines(caplog).of("run_interrupted") == []


async def test_a_run_that_was_not_taken_in_is_not_gone_on_with() -> None:
    """A run whose users were never all stored must not end as if they were done."""
    world = RequestingWorld()
    world.runs.runs["r1"] = running(scanned=False)
    with pytest.raises(ConflictError, match="not all of its users were stored"):
        await world.runner().find("r1")
