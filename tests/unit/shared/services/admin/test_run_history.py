"""The runs of the last months."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.run import Run, RunState, Signal, new_run_id
from shared.errors import InputError
from shared.services.admin.run_history import RunHistory
from tests.fakes import NOON, FakeClock, FakeRuns


async def reporter(*starts: datetime, now: datetime = NOON) -> tuple[RunHistory, list[Run]]:
    """A reporter at the time `now`, and the runs, one for each start."""
    runs, clock = FakeRuns(), FakeClock()
    clock.passed = (now - NOON).total_seconds()
    known = [
        Run(new_run_id(Signal.SWEEP, at), Signal.SWEEP, RunState.FINISHED, at) for at in starts
    ]
    for run in known:
        await runs.save_run(run)
    return RunHistory(runs, clock), known


async def test_the_newest_run_is_the_first() -> None:
    """Over two months, and within each of them."""
    ages = (60, 30, 23, 22, 1, 0)
    found, runs = await reporter(*(NOON - timedelta(days=age) for age in ages))
    assert [run async for run in found.runs(2)] == runs[:0:-1], "the first is of September"


@pytest.mark.parametrize(
    ("now", "firsts"),
    [
        (datetime(2026, 11, 23, 12, tzinfo=UTC), ["202611", "202610", "202609"]),
        (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), ["202603", "202602", "202601"]),
        (datetime(2027, 1, 1, tzinfo=UTC), ["202701", "202612", "202611"]),
        (datetime(2028, 3, 30, tzinfo=UTC), ["202803", "202802", "202801"]),
    ],
)
@pytest.mark.parametrize("months", [1, 2, 3])
async def test_a_month_is_neither_left_out_nor_doubled(
    now: datetime, firsts: list[str], months: int
) -> None:
    """Long months, short ones and the turn of the year: as many months as were asked for."""
    days = (now - timedelta(days=back) for back in range(130))
    found, _ = await reporter(*days, now=now)
    shown = [run.id async for run in found.runs(months)]
    assert shown == sorted(set(shown), reverse=True)
    assert list(dict.fromkeys(run[:6] for run in shown)) == firsts[:months]


async def test_no_runs_at_all() -> None:
    """Nothing is yielded, and nothing fails."""
    found, _ = await reporter()
    assert [run async for run in found.runs(12)] == []


async def test_one_run_by_its_id() -> None:
    """The run is returned; an unknown id is an error of the input that names it."""
    found, (run,) = await reporter(NOON)
    assert await found.run(run.id) == run
    with pytest.raises(InputError, match="'20261123T120000Z-sweep-none': there is no such run"):
        await found.run("20261123T120000Z-sweep-none")


async def paged(history: RunHistory, limit: int, *signals: Signal) -> list[list[str]]:
    """The pages of a list, until there is no further one."""
    pages: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        runs, after = await history.page(limit, after, frozenset(signals or Signal))
        pages.append([run.id for run in runs])
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_have_every_run_once_the_newest_first(limit: int) -> None:
    """Over months, of which some have none; a page is full as long as there are more."""
    ages = (400, 300, 60, 30, 23, 22, 0)
    history, runs = await reporter(*(NOON - timedelta(days=age) for age in ages))
    pages = await paged(history, limit)
    assert [run for page in pages for run in page] == [run.id for run in reversed(runs)]
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert pages[-1]


async def test_move_requests_are_a_list_of_their_own() -> None:
    """Runs of other signals are passed over; a run that begins meanwhile is on no later page."""
    history, _ = await reporter(*(NOON - timedelta(days=age) for age in (50, 3)))
    assert await paged(history, 10, Signal.REQUEST) == [[]]
    empty, _ = await reporter()
    assert await empty.page(10) == ([], None)
