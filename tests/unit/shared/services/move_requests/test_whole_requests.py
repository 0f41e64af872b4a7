"""Requests as a whole: what is stored, queued, postponed and told of a run from its beginning to its end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.guard import GuardLimit
from shared.domain.messages import Message, PageMessage
from shared.domain.move_request import MoveRequest, RequestPage
from shared.domain.options import MoveOptions, OwnNumbers
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.run import Mode, Run, RunState, Signal
from shared.errors import (
    AccessDeniedError,
    ConflictError,
    InputError,
    NoSuchItemError,
    RetryLaterError,
    ServerFaultError,
    StorageError,
)
from shared.telemetry.operation import operation
from tests.fakes import NOON, FakeQueue, guid, in_service, licensed, settled, third_party
from tests.loglines import Lines
from tests.unit.shared.services.move_requests.test_queued import World

BY = RequestedBy("adele", "id-1", "INC1", "pilot")
NOT_QUEUED = (
    "not all of it was queued; send the request again, with its Idempotency-Key if it had one"
)
MINUTE = timedelta(minutes=1)


async def test_a_request_from_its_beginning_to_its_end() -> None:
    """Stored with its pages and who asked, queued page by page, counted at its end."""
    world = World()
    names = tuple(world.fill(101))
    own = OwnNumbers("+15550111")
    options = MoveOptions(own_numbers={names[100]: own})
    request = MoveRequest((*names[:100], names[100].upper()), options=options, named=103)
    with operation() as here:
        run = await world.queued().accept(request, None, BY)
    begun = Run(
        run.id,
        Signal.REQUEST,
        RunState.RUNNING,
        NOON,
        counts={"names": 103, "users": 101},
        scanned=True,
        mode=Mode.MOVE,
        requested_by="adele (id-1)",
        ticket="INC1",
        note="pilot",
        by_name=True,
    )
    assert (run, world.runs.runs) == (begun, {run.id: begun})
    assert world.requests.asked[run.id] == replace(request, has_own_numbers=True)
    assert world.requests.known[run.id] == {
        1: RequestPage(1, names[:100]),
        2: RequestPage(2, (names[100].upper(),), own_numbers={names[100]: own}),
    }
    assert world.pages.messages == [PageMessage(run.id, page, False, here.id) for page in (1, 2)]
    world.clock.passed = 60
    counts = {"names": 103, "users": 101, "moved": 101}
    ended = replace(begun, state=RunState.FINISHED, finished_at=NOON + MINUTE, counts=counts)
    assert await world.work() == ended
    assert all(page.done for page in world.requests.known[run.id].values())


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_request_for_a_provider(dry_run: bool) -> None:
    """Page 0 is queued, finds the users, and queues theirs; nothing is counted before."""
    world = World()
    world.fill(2)
    world.directory.add(licensed(3))
    world.teams.add(in_service(3, third_party("BT")))
    with operation() as here:
        run = await world.queued().accept(MoveRequest(provider="intercall", dry_run=dry_run), None)
    signal = Signal.PREVIEW if dry_run else Signal.REQUEST
    begun = Run(run.id, signal, RunState.RUNNING, NOON, mode=Mode.MOVE)
    assert (run, world.pages.messages) == (begun, [PageMessage(run.id, 0, False, here.id)])
    assert run.id.split("-")[1] == signal
    away = replace(world.runs.runs[run.id], state=RunState.INTERRUPTED, reason="away")
    world.runs.runs[run.id] = away
    await world.queued().work(world.take(), again=False)
    found = replace(begun, counts={"users": 2}, scanned=True)
    assert world.runs.runs[run.id] == found
    assert world.pages.messages == [PageMessage(run.id, 1, False, here.id)]
    page = RequestPage(1, (guid(1), guid(2)))
    assert world.requests.known[run.id] == {0: RequestPage(0, (), done=True), 1: page}
    outcome = "would_move" if dry_run else "moved"
    ended = replace(found, state=RunState.FINISHED, finished_at=NOON)
    assert await world.work() == replace(ended, counts={"users": 2, outcome: 2})


async def test_a_provider_whose_request_is_cancelled_while_its_users_are_found() -> None:
    """It stays cancelled, and knows how many users it would have had."""

    class Cancelling(FakeQueue):
        async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
            await super().send(messages, delay)
            for run in list(world.runs.runs.values()):
                await world.runs.save_run(replace(run, state=RunState.CANCELLED, reason="enough"))

    world = World()
    world.fill(2)
    run = await world.queued().accept(MoveRequest(provider="InterCall"), None)
    world.pages = Cancelling(world.pages.messages)
    await world.queued().work(world.take(), again=False)
    cancelled = replace(run, state=RunState.CANCELLED, reason="enough", counts={"users": 2})
    assert world.runs.runs == {run.id: replace(cancelled, scanned=True)}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("delivered", "sent"), [(False, False), (True, False), (False, True), (True, True)]
)
async def test_who_has_a_result_is_left_out_of_a_page_that_comes_again(
    delivered: bool, sent: bool, dry_run: bool
) -> None:
    """Whether the queue delivers it twice or it was sent twice; a user's own numbers are told."""
    world = World()
    world.fill(2)
    own = {guid(2): OwnNumbers("+15550111")}
    options = MoveOptions(own_numbers=own)
    request = MoveRequest((guid(1), guid(2)), options=options, dry_run=dry_run)
    run = await world.queued().accept(request, None)
    await world.runs.record_results(run.id, [settled(guid(1))], NOON)
    world.clock.passed = 60
    await world.queued().work(replace(world.take(), again=sent), again=delivered)
    outcome = Outcome.WOULD_MOVE if dry_run else Outcome.MOVED
    first = settled(guid(1)).outcome if delivered or sent else outcome
    results = {each.user_id: each for each in world.runs.recorded[run.id]}
    assert {user: each.outcome for user, each in results.items()} == {
        guid(1): first,
        guid(2): outcome,
    }
    assert results[guid(2)].reason.endswith("; toll number +15550111") is dry_run
    assert world.runs.recorded_at == {run.id: NOON + MINUTE}


@pytest.mark.parametrize("report", [False, True])
async def test_a_request_that_is_not_queued_says_so_until_it_is(report: bool) -> None:
    """The same key finishes it, in the weaker mode of the two, and says that pages may come twice."""
    world = World(report=report)
    world.pages.down = True
    request = MoveRequest(tuple(world.fill(1)))
    with pytest.raises(StorageError):
        await world.queued().accept(request, "once", BY)
    (run,) = world.runs.runs.values()
    assert world.requests.keys == {"request/once": (run.id, request.fingerprint)}
    half = (run.state, run.reason, run.scanned, run.counts)
    interrupted = (RunState.INTERRUPTED, NOT_QUEUED, False, {"users": 1})
    assert (half, run.mode) == (interrupted, Mode.REPORT if report else Mode.MOVE)
    world.pages.down, world.report = False, not report
    with operation() as here:
        again = await world.queued().accept(request, "once", BY)
    assert again == replace(run, state=RunState.RUNNING, reason="", scanned=True, mode=Mode.REPORT)
    assert world.pages.messages == [PageMessage(run.id, 1, True, here.id)]


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (RetryLaterError("Graph", "POST", 300.0), 300.0),
        (RetryLaterError("Graph", "POST", 10.0), 60.0),
        (ServerFaultError("Graph", "POST", "HTTP 500"), 60.0),
    ],
)
async def test_a_page_that_a_service_keeps_back_comes_again(
    error: Any, pause: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Given up, so that nobody waits for its claim; queued with a delay; and told in one line."""
    lines, world = Lines(caplog), World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(1))), None)
    world.directory.down = error
    message = replace(world.take(), operation="0123456789abcdef")
    await world.queued().work(message, again=False)
    assert (world.pages.messages, world.pages.delays[1:]) == (
        [replace(message, again=True)],
        [pause],
    )
    assert world.requests.claims == {}
    told = {"operation": message.operation, "run": run.id, "reason": str(error)}
    assert lines.of("page_postponed") == [told]


async def test_a_page_that_is_claimed_or_whose_table_is_away_comes_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After ten minutes, as long as a claim lasts; after one minute if a table is away."""
    lines, world = Lines(caplog), World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(1))), None)
    message = world.take()
    world.requests.claims[run.id, 1] = NOON + MINUTE
    await world.queued().work(message, again=False)
    world.requests.claims.clear()
    world.requests.down = True
    await world.queued().work(message, again=False)
    assert world.pages.delays[1:] == [600.0, 60.0]
    assert [line["reason"] for line in lines.of("page_postponed")] == [
        f"run {run.id!r}: page 1 is being carried out",
        "storage: query in table requests failed: HttpResponseError",
    ]


async def test_a_defect_gives_the_page_up() -> None:
    """It comes again by the queue's own rules, and nobody waits for its claim."""
    world = World()
    await world.queued().accept(MoveRequest(tuple(world.fill(1))), None)
    world.directory.down = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await world.queued().work(world.take(), again=False)
    assert (world.requests.claims, world.pages.messages) == ({}, [])


async def test_a_run_whose_users_are_held_says_how_many() -> None:
    """It is held, and not finished; who could not be looked up has a result of the same run."""
    world = World()
    world.limit = GuardLimit(1, None, timedelta(hours=1))
    names = [*world.fill(3), "nobody@x"]
    world.directory.errors["denied@x"] = AccessDeniedError("Graph", "GET", "HTTP 403")
    run = await world.carry_out(*names, "denied@x")
    assert run == Run(
        run.id,
        Signal.REQUEST,
        RunState.HELD,
        NOON,
        NOON,
        "2 of its users are held",
        {"users": 5, "moved": 1, "held": 2, "not_found": 1, "failed": 1},
        scanned=True,
        mode=Mode.MOVE,
    )
    gone = "the user is not in the directory"
    lost = [
        UserResult("nobody@x", Outcome.NOT_FOUND, gone, "nobody@x"),
        UserResult("denied@x", Outcome.FAILED, "Graph: GET: HTTP 403", "denied@x"),
    ]
    assert world.runs.recorded[run.id][:2] == lost == world.told[:2]
    assert len(world.told) == 5


async def test_a_run_that_is_stopped_is_interrupted_and_goes_on() -> None:
    """Named or asked for by a person, with the counts so far; then each user has one result."""
    world = World()
    names = world.fill(3)
    runner = world.runner()
    begun = await runner.begin([*names, names[0].upper()], named=5, by=BY)
    expected = Run(
        begun.id,
        Signal.REQUEST,
        RunState.INTERRUPTED,
        NOON,
        counts={"names": 5, "users": 4},
        scanned=True,
        mode=Mode.MOVE,
        requested_by="adele (id-1)",
        ticket="INC1",
        note="pilot",
        by_name=True,
    )
    assert begun == world.runs.runs[begun.id] == expected
    runner.stop()
    assert await runner.carry_out(begun.id) == expected
    world.clock.passed = 60
    ended = replace(expected, state=RunState.FINISHED, finished_at=NOON + MINUTE)
    counts = {"names": 5, "users": 3, "moved": 3}
    assert await world.runner().carry_out(begun.id) == replace(ended, counts=counts)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (None, NoSuchItemError("run 'run-1': there is no such run")),
        ({"cause": Signal.SWEEP}, ConflictError("run 'run-1' is a sweep: it resumes by itself")),
        (
            {"scanned": False},
            ConflictError("run 'run-1': not all of its users were stored; begin a new run"),
        ),
        (
            {"state": RunState.CANCELLED},
            ConflictError("run 'run-1' is cancelled: begin a new run"),
        ),
    ],
)
async def test_what_cannot_be_carried_out_is_told(
    fields: dict[str, Any] | None, error: Exception
) -> None:
    """The whole text; a list without a name begins nothing."""
    world = World()
    run = Run("run-1", Signal.REQUEST, RunState.INTERRUPTED, NOON, scanned=True)
    if fields is not None:
        await world.runs.save_run(replace(run, **fields))
    with pytest.raises(type(error)) as told:
        await world.runner().carry_out("run-1")
    assert str(told.value) == str(error)
    with pytest.raises(InputError) as none:
        await world.runner().begin([])
    assert (str(none.value), world.requests.asked) == ("no user was named; nothing was done", {})


async def test_a_page_of_what_has_no_pages_or_is_gone_is_an_error() -> None:
    """A message for a sweep, or for a run that was deleted."""
    world = World()
    await world.runs.save_run(Run("run-1", Signal.SWEEP, RunState.RUNNING, NOON))
    await world.requests.save_page("run-1", RequestPage(1, (licensed().upn,)))
    for run, said in (
        ("run-1", "run 'run-1' is a sweep: it has no pages to carry out"),
        ("run-2", "run 'run-2': there is no such run"),
    ):
        with pytest.raises((ConflictError, NoSuchItemError)) as told:
            await world.queued().work(PageMessage(run, 1), again=False)
        assert str(told.value) == said


async def test_what_an_app_in_report_mode_begins_to_carry_out_changes_nobody() -> None:
    """The run is one of a report from then on, also for pages that another app carries out."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(101))), None)
    world.report = True
    await world.queued().work(world.take(), again=False)
    world.report = False
    ended = await world.work()
    assert (ended.mode, ended.counts) == (Mode.REPORT, {"users": 101, "would_move": 101})
    assert (run.mode, world.teams.sets) == (Mode.MOVE, [])
