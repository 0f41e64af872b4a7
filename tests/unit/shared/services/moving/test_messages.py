"""Messages: whose mode they carry, what becomes of users who cannot be recorded, and of mails."""

from dataclasses import replace

import pytest

from shared.domain.claim import HELD_FOR
from shared.domain.messages import MoveMessage
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome
from shared.domain.run import Mode, Signal
from shared.errors import RejectedError, ServiceError, StorageError, ThrottledError
from tests.fakes import guid, in_service, licensed, third_party
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import MovingWorld as World

MAIL = MoveOptions(send_email=True)


@pytest.mark.parametrize(
    ("app", "message", "outcome"),
    [
        (Mode.MOVE, Mode.MOVE, Outcome.MOVED),
        (Mode.MOVE, Mode.REPORT, Outcome.WOULD_MOVE),
        (Mode.MOVE, None, Outcome.WOULD_MOVE),
        (Mode.REPORT, Mode.MOVE, Outcome.WOULD_MOVE),
        (Mode.REPORT, Mode.REPORT, Outcome.WOULD_MOVE),
        (Mode.REPORT, None, Outcome.WOULD_MOVE),
    ],
)
async def test_only_move_on_both_sides_changes_anybody(
    world: World, app: Mode, message: Mode | None, outcome: Outcome
) -> None:
    """Rule 8: what a report queued, or nobody knows who, only gets its outcome recorded."""
    world.report, world.mode = app is Mode.REPORT, message
    assert await world.outcome() is outcome
    assert len(world.teams.sets) == len(world.replaced.saved) == (outcome is Outcome.MOVED)
    assert world.users.results[guid(1)].outcome is outcome


async def test_a_report_reprocesses_no_license(world: World) -> None:
    """Rule 8: the message of a report asks Graph for nothing, however long the user waits."""
    world.teams.known.clear()
    world.reprocess, world.mode = True, Mode.REPORT
    for day in range(3):
        world.clock.passed = day * 86_400.0
        await world.move(1)
    assert world.directory.reprocessed == []
    assert world.waiting.rows[guid(1)].needs_attention


async def test_who_cannot_be_recorded_comes_again_alone_and_later(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule 5: one refused record takes no neighbor along, and makes no message poison."""
    lines = Lines(caplog)
    world.directory.add(licensed(2), licensed(3))
    world.teams.add(in_service(2, third_party()), in_service(3))
    world.users.down = {guid(2)}
    message = MoveMessage(
        Signal.SWEEP, (guid(1), guid(2), guid(3)), "run-1", "0123456789abcdef", Mode.MOVE
    )
    results = await world.mover().handle(message)
    assert [result.user_id for result in results] == [guid(1), guid(3)]
    assert [result.user_id for result in world.runs.recorded["run-1"]] == [guid(1), guid(3)]
    later = replace(message, users=(guid(2),), retries=1)
    assert (world.queue.messages, world.queue.delays) == ([later], [30.0])
    assert lines.one("unrecorded") == {
        "operation": "0123456789abcdef",
        "users": "1",
        "retries": "1",
        "reason": "storage: write in table users failed: HttpResponseError",
    }

    for _ in range(9):
        await world.mover().handle(world.queue.moves[-1])
    assert world.queue.delays == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert [each.retries for each in world.queue.moves] == list(range(1, 11))
    assert world.waiting.rows == {}

    world.users.down.clear()
    (result,) = await world.mover().handle(world.queue.moves[-1])
    assert (result.outcome, result.old_provider) == (Outcome.MOVED, "InterCall")
    assert len(world.queue.messages) == 10
    assert len(world.teams.sets) == 3


async def test_results_of_the_run_that_cannot_be_written_bring_all_its_users_again(
    world: World,
) -> None:
    """The table of results fails: everybody comes again, nobody is set twice, the run says moved."""
    world.runs.fails = 1
    await world.mover().handle(world.message(guid(1), run="run-1"))
    assert world.queue.moves == [world.message(guid(1), run="run-1", retries=1)]
    await world.mover().handle(world.queue.moves[0])
    assert [r.outcome for r in world.runs.recorded["run-1"]] == [Outcome.MOVED]
    assert len(world.teams.sets) == 1


async def test_a_queue_that_refuses_too_fails_the_message(world: World) -> None:
    """Nobody drops out: when they cannot be sent again, the host gives the message another attempt."""
    world.users.down, world.queue.down = {guid(1)}, True
    with pytest.raises(StorageError, match="send to queue"):
        await world.mover().handle(world.message(guid(1)))


async def test_a_mail_is_asked_for_once_per_user_and_run(world: World) -> None:
    """Rule 4: an unsure set is made again, the mail with the PIN is not asked for again."""
    world.teams.changed_meanwhile = in_service(1, third_party("BT"))
    await world.mover().move(world.message(guid(1), run="run-1"), MAIL)
    assert world.teams.mailed == [guid(1)]
    assert len(world.teams.sets) == 2
    world.teams.add(in_service(1, third_party()))
    world.clock.passed += HELD_FOR.total_seconds()
    await world.mover().move(world.message(guid(1), run="run-1"), MAIL)
    assert world.teams.mailed == [guid(1)]
    world.teams.add(in_service(1, third_party()))
    world.clock.passed += HELD_FOR.total_seconds()
    await world.mover().move(world.message(guid(1), run="run-2"), MAIL)
    assert world.teams.mailed == [guid(1)] * 2
    world.teams.add(in_service(1, third_party()))
    world.clock.passed += HELD_FOR.total_seconds()
    world.teams.set_errors[guid(1)] = RejectedError("Teams", "PUT", "HTTP 400", "Strange")
    await world.mover().move(world.message(guid(1), run="run-2"), MAIL)
    marked = {("run-1", guid(1)), ("run-2", guid(1))}
    assert world.requests.mailed == marked, "a refused set that asked for no mail gives none back"


async def test_a_set_that_was_not_sent_costs_no_mail(world: World) -> None:
    """Asked for with a set that got no turn: the next one asks for the mail."""
    world.teams.late_turns = 2
    await world.mover().move(world.message(guid(1), run="run-1"), MAIL)
    assert world.teams.mailed == [guid(1)]


@pytest.mark.parametrize(
    "error",
    [
        RejectedError("Teams", "PUT", "HTTP 400", "Strange", 400),
        ThrottledError("Teams", "PUT", "HTTP 429", status=429),
    ],
)
async def test_a_set_that_was_refused_costs_no_mail(world: World, error: ServiceError) -> None:
    """The service refuses, and later does not: the mail goes with the set that happens."""
    world.teams.set_errors[guid(1)] = error
    await world.mover().move(world.message(guid(1), run="run-1"), MAIL)
    assert world.requests.mailed == set()
    world.teams.set_errors.clear()
    world.teams.mailed.clear()
    world.clock.passed += HELD_FOR.total_seconds()
    await world.mover().move(world.message(guid(1), run="run-1"), MAIL)
    assert world.teams.mailed == [guid(1)]


async def test_no_mail_where_it_cannot_be_remembered(world: World) -> None:
    """What is not recorded is not asked for: the table fails, nothing is set and nobody is mailed."""
    world.requests.down = True
    (result,) = await world.mover().move(world.message(guid(1), run="run-1"), MAIL)
    assert (result.outcome, result.by_service) == (Outcome.FAILED, True)
    assert (world.teams.sets, world.teams.mailed, world.replaced.moves) == ([], [], {})
