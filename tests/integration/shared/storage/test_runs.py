"""Tables `runs` and `runresults` against the real Azurite."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Run, RunState, Signal, new_run_id
from shared.errors import (
    StaleError,
)
from shared.storage.runs import RunTable
from shared.storage.tables import Tables
from tests.fakes import (
    NOON,
    guid,
)


async def test_a_cancelled_run_has_failed_for_the_version_before(tables: Tables) -> None:
    """It is read here as it was stored, with who and why; what that version writes later wins."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    run = Run(
        "20261123T020000Z-sweep-1f2e3d4c",
        Signal.SWEEP,
        RunState.CANCELLED,
        NOON,
        requested_by="adele",
        decided_by="alex",
        ticket="INC7",
        note="wrong list",
    )
    stored = await runs.save_run(run)
    assert await runs.find_run(run.id) == run
    row = await tables.table("runs").get("202611", run.id)
    assert row
    assert row["state"] == "failed"
    old = {name: value for name, value in row.items() if name != "exact_state"}
    await tables.table("runs").replace_if_unchanged({**old, "state": "held"}, stored.revision)
    assert await runs.find_run(run.id) == replace(run, state=RunState.HELD)


async def test_runs_of_a_month_and_their_results(tables: Tables) -> None:
    """A run is found by its month with its counts, its users under its id."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    run = Run(
        new_run_id(Signal.SWEEP, NOON), Signal.SWEEP, RunState.RUNNING, NOON, next_link="link"
    )
    saved = await runs.save_run(run)
    assert await runs.find_run(run.id) == run
    with pytest.raises(StaleError):
        await runs.save_run(run)
    finished = replace(
        saved,
        state=RunState.FINISHED,
        finished_at=NOON,
        counts={"users": 3},
        page=2,
        progressed_at=NOON,
    )
    await runs.save_run(finished)
    with pytest.raises(StaleError):
        await runs.save_run(replace(saved, page=1))
    assert [item async for item in runs.back_to(NOON.date(), NOON)] == [finished]
    results = [UserResult(guid(n), Outcome.MOVED, "why") for n in range(20)]
    await runs.record_results(run.id, results, NOON)
    await runs.record_results(run.id, results, NOON)
    assert [item async for item in runs.results(run.id)] == results


async def test_runs_are_read_back_from_the_newest(tables: Tables) -> None:
    """Over months, in spans of days that grow, back to a day; from one of them, only what is older.

    Of one signal only, where that is asked.
    """
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    assert await runs.first_month() is None
    known = []
    for days, signal in ((40, Signal.SWEEP), (2, Signal.REQUEST), (1, Signal.SWEEP)):
        at = NOON - timedelta(days=days)
        run = Run(new_run_id(signal, at), signal, RunState.FINISHED, at)
        known.append(await runs.save_run(run))
    oldest = await runs.first_month()
    assert oldest == date(2026, 10, 1)
    assert [run async for run in runs.back_to(oldest, NOON)] == known[::-1]
    found = [run async for run in runs.back_to(oldest, NOON, known[2].id)]
    assert found == known[1::-1]
    assert [run async for run in runs.back_to(known[1].started_at.date(), NOON)] == known[:0:-1]
    assert await runs.newest(NOON, 2) == known[:0:-1]
    sweeps = [run async for run in runs.back_to(oldest, NOON, signal=Signal.SWEEP)]
    assert sweeps == known[::-2]


@pytest.mark.parametrize(
    ("known", "later", "kept"),
    [
        (Outcome.WAITING, Outcome.FAILED, Outcome.WAITING),
        (Outcome.WAITING, Outcome.UNLICENSED, Outcome.UNLICENSED),
        (Outcome.HELD, Outcome.CANCELLED, Outcome.CANCELLED),
        (Outcome.UNLICENSED, Outcome.EXCLUDED, Outcome.UNLICENSED),
        (Outcome.UNLICENSED, Outcome.WAITING, Outcome.UNLICENSED),
        (Outcome.UNLICENSED, Outcome.MOVED, Outcome.MOVED),
        (Outcome.MOVED, Outcome.UNLICENSED, Outcome.MOVED),
    ],
)
async def test_what_ends_a_wait_counts_whatever_the_clocks_say(
    tables: Tables, known: Outcome, later: Outcome, kept: Outcome
) -> None:
    """Written second, by a clock 20 s behind: it replaces a result that waits, and none that is final."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    behind = NOON - timedelta(seconds=20)
    await runs.record_results("run-1", [UserResult(guid(1), known, "first")], NOON, NOON)
    await runs.record_results("run-1", [UserResult(guid(1), later, "second")], NOON, behind)
    assert [each.outcome async for each in runs.results("run-1")] == [kept]


@pytest.mark.parametrize("open_", [Outcome.FAILED, Outcome.WAITING, Outcome.HELD])
async def test_what_waits_does_not_undo_what_ended_the_wait(tables: Tables, open_: Outcome) -> None:
    """A slow attempt, by a clock 20 s ahead, writes its failure after the run was told the end."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    ahead = NOON + timedelta(seconds=20)
    end = UserResult(guid(1), Outcome.UNLICENSED, "told")
    await runs.record_results("run-1", [end], NOON, NOON)
    await runs.record_results("run-1", [UserResult(guid(1), open_, "late")], ahead, ahead)
    assert [each.outcome async for each in runs.results("run-1")] == [Outcome.UNLICENSED]


async def test_results_of_some_users_are_read_one_by_one(tables: Tables) -> None:
    """By id, or by the name that was not found; of the others nothing is read."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    names = [guid(1), guid(2), "no/body#@x.example"]
    results = [UserResult(name, Outcome.NOT_FOUND, "why") for name in names]
    await runs.record_results("run-1", results, NOON)
    found = await runs.results_of("run-1", [guid(1), guid(3), names[2]])
    assert [each.user_id for each in found] == [guid(1), names[2]]
    assert await runs.results_of("run-2", names) == []
