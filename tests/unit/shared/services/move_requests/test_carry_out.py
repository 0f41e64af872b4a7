"""Runs that people ask for: who is moved, who gets which result, and what a stop leaves."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.move_request import RequestPage
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
from shared.domain.run import Mode, Run, RunState, Signal, new_run_id
from shared.domain.user import PlanStatus
from shared.errors import AccessDeniedError, InputError
from tests.fakes import NOON, guid, in_service, licensed, microsoft, settled, third_party
from tests.unit.shared.services.move_requests.world import RequestingWorld as World

MANY = 250


async def test_names_are_written_down_before_anything_happens() -> None:
    """A begun run has its names in pages of at most 100, and can be carried out by anybody."""
    world = World()
    names = world.fill(MANY)
    run = await world.runner().begin(iter(names))
    pages = [page async for page in world.requests.pages(run.id)]
    assert [len(page.names) for page in pages] == [100, 100, 50]
    assert [name for page in pages for name in page.names] == names
    assert world.runs.last == run
    begun = Run(run.id, Signal.REQUEST, RunState.INTERRUPTED, NOON, counts={"users": MANY})
    assert run == replace(begun, scanned=True, mode=Mode.MOVE)
    assert (run.id.split("-")[1], world.teams.sets) == ("request", [])
    states: set[RunState] = set()
    await world.runner().carry_out(run.id, lambda _: states.add(world.runs.last.state))
    assert states == {RunState.RUNNING}
    assert world.set_once(MANY)


async def test_what_was_asked_for_holds_for_the_whole_run() -> None:
    """Numbers and mails asked for at the beginning hold for a run that another process resumes with."""
    world = World()
    options = MoveOptions(True, "+15550111", "+18005550111")
    run = await world.runner().begin(world.fill(2), options)
    await world.runner().carry_out(run.id)
    assert world.teams.sets == [(guid(1), True, "+15550111"), (guid(2), True, "+15550111")]
    assert world.teams.mailed == [guid(1), guid(2)]
    entries = [world.teams.known[guid(number)].entries[0] for number in (1, 2)]
    assert {entry.toll_free_number for entry in entries} == {"+18005550111"}


@pytest.mark.parametrize("names", [[], iter(())], ids=["list", "iterator"])
async def test_an_empty_list_is_refused(names: Iterable[str]) -> None:
    """Nobody named is an error of the input, and leaves neither a run nor pages behind."""
    world = World()
    with pytest.raises(InputError, match="no user was named"):
        await world.runner().begin(names)
    assert (world.runs.runs, world.requests.known) == ({}, {})


async def test_every_user_gets_a_result_and_an_unknown_one_stops_nobody() -> None:
    """Moved, Microsoft already, unlicensed, not found, not readable: each says so, the rest go on."""
    world = World()
    world.fill(2)
    world.directory.add(licensed(3), licensed(4, PlanStatus.SUSPENDED), licensed(5))
    world.teams.add(in_service(3, microsoft()), in_service(4, third_party()))
    world.directory.errors[licensed(5).upn] = AccessDeniedError("Graph", "GET", "HTTP 403")
    unknown = "nobody#1/2?@contoso.example"
    run = await world.carry_out(unknown, guid(9), *(licensed(number).upn for number in range(1, 6)))
    assert world.outcomes(run) == {
        guid(1): "moved",
        guid(2): "moved",
        guid(3): "already_microsoft",
        guid(4): "unlicensed",
        licensed(5).upn: "failed",
        unknown: "not_found",
        guid(9): "not_found",
    }
    assert world.set_once(2)
    assert (run.state, run.finished_at) == (RunState.FINISHED, NOON)
    assert run.counts == {
        "users": 7,
        "moved": 2,
        "already_microsoft": 1,
        "unlicensed": 1,
        "not_found": 2,
        "failed": 1,
    }
    assert world.runs.last == run
    assert {result.user_id for result in world.told} == set(world.outcomes(run))
    assert len(world.told) == 7


@pytest.mark.parametrize("between", [0, 150], ids=["on one page", "on two pages"])
async def test_a_user_named_twice_is_handled_once(between: int) -> None:
    """The address, the address in capitals and the id of one user: one look, one result."""
    world = World()
    names = world.fill(1 + between)
    run = await world.carry_out(*names, names[0].upper(), guid(1))
    assert world.set_once(1 + between)
    assert (run.state, run.counts) == (
        RunState.FINISHED,
        {"names": 3 + between, "users": 1 + between, "moved": 1 + between},
    )


async def test_a_stopped_run_finishes_those_being_moved_and_takes_nobody_else() -> None:
    """After `stop` some have a result and some are untouched; nobody was set without a result."""
    world = World()
    run = await world.stopped(world.fill(MANY), after=1)
    assert run.state is RunState.INTERRUPTED
    assert run.finished_at is None
    assert 1 <= len(world.told) <= 80, "at most four messages of 20 were under way"
    assert run.counts == {"users": MANY, "moved": len(world.told)}
    assert set(world.outcomes(run)) == set(world.sets)
    assert len(world.sets) == len(world.told)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(1, 131)), st.integers(0, 145))
def test_a_stopped_run_goes_on_where_it_was(order: list[int], after: int) -> None:
    """Stopped anywhere and carried out again: each user is set exactly once, and the counts are right."""
    world = World()
    addresses = world.fill(130)
    names = [addresses[n - 1] if n % 2 else guid(n) for n in order]
    names[50:50] = ["unknown@contoso.example", guid(order[0]), addresses[order[99] - 1]]

    async def both() -> Run:
        run = await world.stopped(names, after)
        return await world.runner().carry_out(run.id, world.told.extend)

    run = asyncio.run(both())
    assert world.set_once(130)
    assert run.state is RunState.FINISHED
    assert run.counts == {"names": 133, "users": 131, "moved": 130, "not_found": 1}
    assert len(world.told) == 131


async def test_a_run_stopped_before_it_began_touches_nobody() -> None:
    """`stop` before `carry_out`: interrupted, nobody looked at, and it can go on."""
    world = World()
    runner = world.runner()
    run = await runner.begin(world.fill(3))
    runner.stop()
    assert (await runner.carry_out(run.id)).state is RunState.INTERRUPTED
    assert (world.teams.reads, world.teams.sets) == (0, [])
    assert (await world.runner().carry_out(run.id)).state is RunState.FINISHED
    assert world.set_once(3)


async def test_who_has_a_result_is_not_looked_at_again() -> None:
    """Resuming a run keeps the results it has, also of users who could be moved by now."""
    world = World()
    names = world.fill(101)
    world.teams.add(in_service(1, third_party(), ready=False))
    run = await world.stopped(names, after=100)
    assert world.outcomes(run)[guid(1)] == "waiting"
    world.teams.add(in_service(1, third_party()))
    run = await world.runner().carry_out(run.id)
    assert run.counts == {"users": 101, "moved": 100, "waiting": 1}
    assert guid(1) not in world.sets


async def test_a_finished_run_carried_out_again_does_nothing() -> None:
    """Nobody is tried, and it stays finished with its counts."""
    world = World()
    run = await world.carry_out(*world.fill(3), "unknown@contoso.example")
    looks = (world.directory.batches, world.teams.reads, len(world.told))
    again = await world.runner().carry_out(run.id, world.told.extend)
    assert again == run
    assert (world.directory.batches, world.teams.reads, len(world.told)) == looks


@pytest.mark.parametrize("again", [True, False])
async def test_who_has_a_result_of_a_page_that_comes_again_is_left_alone(again: bool) -> None:
    """The results of the run are asked for only then: no other process had the page before."""
    world = World()
    run = await world.runner().begin(world.fill(2))
    await world.runs.record_results(run.id, [settled(guid(1))], NOON)
    (page,) = world.requests.known[run.id].values()
    await world.runner().move_page(
        run.id, page, DEFAULT_OPTIONS, set(), mode=Mode.MOVE, again=again
    )
    assert set(world.sets) == ({guid(2)} if again else {guid(1), guid(2)})


RUN = Run("run-1", Signal.REQUEST, RunState.RUNNING, NOON, NOON, "why", {"users": 3})
LATER = NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "done", "held", "fields"),
    [
        (
            RunState.RUNNING,
            False,
            1,
            {
                "state": RunState.INTERRUPTED,
                "finished_at": None,
                "counts": {"users": 3, "moved": 2, "held": 1},
            },
        ),
        (RunState.CANCELLED, False, 1, {}),
        (RunState.FINISHED, False, 1, {}),
        (RunState.CANCELLED, True, 1, {"counts": {"users": 3, "moved": 2, "held": 1}}),
        (
            RunState.RUNNING,
            True,
            1,
            {
                "state": RunState.HELD,
                "reason": "1 of its users are held",
                "counts": {"users": 3, "moved": 2, "held": 1},
            },
        ),
        (
            RunState.RUNNING,
            True,
            0,
            {
                "state": RunState.FINISHED,
                "reason": "",
                "counts": {"names": 3, "users": 2, "moved": 2},
            },
        ),
    ],
)
async def test_what_a_run_says_when_it_stops(
    state: RunState, done: bool, held: int, fields: dict[str, Any]
) -> None:
    """Interrupted, held or finished, by its pages and results; what others ended stays ended."""
    world = World()
    run = await world.runs.save_run(replace(RUN, state=state))
    world.requests.known["run-1"] = {1: RequestPage(1, (guid(1),), done=done)}
    world.clock.passed = 60
    outcomes = {"moved": 2, "held": held} if held else {"moved": 2}
    ended: dict[str, Any] = {"scanned": True, "finished_at": LATER} if done else {}
    expected = replace(RUN, **{"state": state, **ended, **fields})
    assert await world.runner().refresh_state(run, outcomes) == expected
    assert world.runs.runs == {"run-1": expected}


async def test_sweeps_and_unknown_runs_are_refused() -> None:
    """Only a run that a person asked for is carried out; a sweep stays as it is."""
    world = World()
    sweep = Run(new_run_id(Signal.SWEEP, NOON), Signal.SWEEP, RunState.INTERRUPTED, NOON)
    await world.runs.save_run(sweep)
    with pytest.raises(InputError, match="is a sweep"):
        await world.runner().carry_out(sweep.id)
    with pytest.raises(InputError, match="no such run"):
        await world.runner().carry_out("20261123T120000Z-request-none")
    assert world.runs.runs == {sweep.id: sweep}
