"""What the services say of their work, as queries read it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.held import HeldUser
from shared.domain.listing import ChangedUser, ChangePage
from shared.domain.messages import MoveMessage
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Mode, Signal
from shared.domain.subscription import ChangeSubscription, Secret
from shared.errors import UnreachableError
from shared.services.notifications.catch_up import CatchUp
from shared.services.notifications.intake import NotificationIntake
from shared.services.upkeep.metrics import MetricsCollector
from shared.services.upkeep.poison import PoisonRecorder
from shared.services.upkeep.recheck import Rechecker
from shared.telemetry.log import EventLog
from shared.telemetry.operation import count_throttled, operation
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    FakeHeld,
    FakePoison,
    FakeQueue,
    FakeRuns,
    FakeState,
    FakeTeams,
    FakeUsers,
    FakeWaiting,
    guid,
    in_service,
    licensed,
    third_party,
)
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import MovingWorld
from tests.unit.shared.services.sweeping.world import LIMIT, SweepingWorld

TENANT = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"

LOG = EventLog("acp.rechecking")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What is logged from here on."""
    return Lines(caplog)


def notifications(*at: str | None) -> bytes:
    """A webhook's body: one notification for each event time."""
    return json.dumps({"value": [_notification(n, time) for n, time in enumerate(at)]}).encode()


def _notification(number: int, time: str | None) -> dict[str, Any]:
    return {
        "subscriptionId": "s1",
        "clientState": "secret",
        "tenantId": TENANT,
        "resourceData": {"id": guid(number), "eventTime": time},
    }


async def take_in(body: bytes) -> list[MoveMessage]:
    """The queue messages of a webhook call."""
    state = FakeState(ChangeSubscription((Secret("secret", "s1"),), "s1"))
    accepted = await NotificationIntake(
        state, TENANT, Mode.MOVE, FakeClock(), EventLog("acp.intake")
    ).webhook(body)
    return accepted.messages


async def test_one_operation_from_notification_to_outcome(world: MovingWorld, lines: Lines) -> None:
    """The id made where the notification comes in is on the line of the user's outcome."""
    (message,) = await take_in(notifications(None, None))
    await world.mover().move(message)
    notified, *decided = [*lines.of("notified"), *lines.of("decided"), lines.one("handled")]
    assert len(decided) == 3
    assert {fields["operation"] for fields in decided} == {notified["operation"]}


async def test_a_waiting_user_keeps_the_operation_that_began_the_wait(
    world: MovingWorld, lines: Lines
) -> None:
    """The look that settles a user who waited names the operation in which the wait began."""
    world.teams.known.clear()
    await world.move(1)
    world.clock.passed += 60
    queue = FakeQueue()
    await Rechecker(
        world.waiting,
        queue,
        Mode.MOVE,
        world.clock,
        EventLog("acp.rechecking"),
        state=FakeState(),
    ).recheck()
    world.teams.add(in_service(1, third_party()))
    await world.mover().move(queue.moves[0])
    first, second = lines.of("decided")
    assert (first["decision"], first["outcome"], first["attempt"]) == ("wait", "waiting", "1")
    assert (second["decision"], second["outcome"], second["attempt"]) == ("replace", "moved", "2")
    assert second["operation"] == lines.one("rechecked")["operation"]
    assert second["origin"] == first["operation"] != second["operation"]
    assert "origin" not in first


async def test_decision_line_has_every_field(world: MovingWorld, lines: Lines) -> None:
    """A decision is one line: who, decision, outcome, reason and duration."""
    world.teams.lag = 1
    await world.move(1, run="20261123T020000Z-sweep-1f2e")
    decided = lines.one("decided")
    assert decided.pop("user").startswith("user-")
    assert len(decided.pop("operation")) == 16
    assert decided == {
        "decision": "replace",
        "outcome": "moved",
        "cause": "license_event",
        "run": "20261123T020000Z-sweep-1f2e",
        "attempt": "1",
        "duration_ms": "1000",
        "window_ms": "0",
        "reason": "the provider is InterCall",
    }


async def test_an_error_before_the_decision_leaves_it_out(world: MovingWorld, lines: Lines) -> None:
    """What was not decided is not logged as decided."""
    world.teams.errors[guid(1)] = UnreachableError("Teams", "GET", "ReadTimeout")
    await world.move(1)
    decided = lines.one("decided")
    assert decided["outcome"] == "failed"
    assert "decision" not in decided


async def test_message_line_sums_its_users(world: MovingWorld, lines: Lines) -> None:
    """One line a message: users by outcome, and the throttled answers met on the way."""

    class Throttling(FakeTeams):
        async def set_microsoft(self, *args: Any, **options: Any) -> None:
            count_throttled()
            await super().set_microsoft(*args, **options)

    world.teams = Throttling(known=world.teams.known)
    world.directory.add(licensed(2), licensed(3))
    world.teams.add(in_service(2, ready=False), in_service(3))
    world.teams.errors[guid(3)] = UnreachableError("Teams", "GET", "ReadTimeout")
    with operation():
        count_throttled(5)
        await world.move(1, 2, 3)
    handled = lines.one("handled")
    assert {key: handled[key] for key in ("users", "moved", "waiting", "failed", "throttled")} == {
        "users": "3",
        "moved": "1",
        "waiting": "1",
        "failed": "1",
        "throttled": "1",
    }


@pytest.mark.parametrize(
    ("times", "lag"),
    [
        (["2026-11-23T11:59:58.7500000Z", "2026-11-23T11:59:59Z"], "1250"),
        (["2026-11-23T11:59:59", "yesterday", None], None),
    ],
)
async def test_notification_lag(lines: Lines, times: list[str | None], lag: str | None) -> None:
    """The longest lag of a body is logged; a time that says nothing harms nobody."""
    assert await take_in(notifications(*times))
    notified = lines.one("notified")
    assert (notified["users"], notified.get("lag_ms")) == (str(len(times)), lag)


async def test_sweep_line_counts_who_is_ready(lines: Lines) -> None:
    """A sweep's line has those ready to move, and says when it is held."""
    world = SweepingWorld(limit=replace(LIMIT, moves=1))
    world.fill(2, third_party())
    await world.sweep()
    ended = lines.one("sweep_ended")
    assert (ended["state"], ended["ready"], ended["queued"]) == ("held", "2", "2")
    assert ended["reason"]


async def test_measures(lines: Lines) -> None:
    """One line has the waiting users by age, those who need a person, and how fresh the picture is."""
    waiting, clock = FakeWaiting(), FakeClock()
    for number, hours in enumerate((0.5, 1, 23, 24, 100)):
        since = NOON - timedelta(hours=hours)
        await waiting.save_waiting(
            Waiting(guid(number), WaitReason.FAILURE, "x", since, NOON, NOON)
        )
    await waiting.save_waiting(ask_person(guid(9), "", "x", NOON))
    known = ChangeSubscription((), "s1", NOON, NOON + timedelta(days=1))
    pause = Pause("why", RequestedBy("adele"), NOON)
    state = FakeState(known, link_at=NOON - timedelta(minutes=7), pausing=pause)
    held = FakeHeld()
    for number in (1, 2):
        row = HeldUser(guid(number), "", "BT", Signal.SWEEP, "run", NOON, released=number == 2)
        await held.add_held(row)

    async def count() -> int:
        return 2

    await MetricsCollector(
        waiting, state, [count, count], clock, EventLog("acp.measuring"), held=held
    ).measure()
    measured = lines.one("measured")
    del measured["operation"]
    assert measured == {
        "waiting": "5",
        "waiting_hour": "1",
        "waiting_day": "2",
        "waiting_longer": "2",
        "attention": "1",
        "held": "1",
        "paused": "1",
        "poison": "4",
        "delta_age_s": "420",
        "subscription_left_s": "86400",
    }


async def test_measures_of_a_new_app(lines: Lines) -> None:
    """Before the first catch-up and without a subscription those figures are left out, not zero."""
    measurer = MetricsCollector(
        FakeWaiting(), FakeState(), [], FakeClock(), EventLog("acp.measuring"), held=FakeHeld()
    )
    await measurer.measure()
    measured = lines.one("measured")
    assert measured["waiting"] == "0"
    assert measured.keys().isdisjoint({"delta_age_s", "subscription_left_s"})


async def test_poison_lines_keep_the_operation_of_the_message(lines: Lines) -> None:
    """The users of a poison message are logged under the signal that they came of."""
    waiting = FakeWaiting()
    message = MoveMessage(Signal.SWEEP, (guid(1),), operation="0123456789abcdef", retries=1)
    moves = FakePoison[MoveMessage]([message, "no message"])
    log = EventLog("acp.poison")
    await PoisonRecorder(
        moves=moves,
        upkeep=FakePoison(),
        queue=FakeQueue(),
        users=FakeUsers(),
        runs=FakeRuns(),
        waiting=waiting,
        clock=FakeClock(),
        log=log,
    ).record()
    assert lines.one("needs_attention")["operation"] == "0123456789abcdef"
    assert lines.one("poison_recorded")["users"] == "1"
    assert lines.one("poison_unreadable")["message"] == "message-1"


async def test_every_line_is_part_of_an_operation(world: MovingWorld, lines: Lines) -> None:
    """Whatever a service writes, its line says which signal it comes of."""
    await take_in(notifications(None))
    world.teams.errors[guid(1)] = ZeroDivisionError()
    await world.move(1, 2)
    sweeping = SweepingWorld()
    sweeping.fill(2)
    await sweeping.sweep()
    assert {"notified", "unexpected", "decided", "handled", "sweep_ended"} <= dict(lines.all).keys()
    assert all(len(fields["operation"]) == 16 for _, fields in lines.all)


async def test_whatever_is_queued_carries_the_operation_under_way(lines: Lines) -> None:
    """Messages of notifications, rechecks, catch-ups, sweeps and requests name their operation."""
    taken_in = await take_in(notifications(None))
    waiting, rechecks, clock = FakeWaiting(), FakeQueue(), FakeClock()
    await waiting.save_waiting(Waiting(guid(1), WaitReason.FAILURE, "x", NOON, NOON, NOON))
    await Rechecker(
        waiting, rechecks, Mode.MOVE, clock, EventLog("acp.rechecking"), state=FakeState()
    ).recheck()
    sweeping = SweepingWorld()
    sweeping.fill(2)
    await sweeping.sweep()
    directory, changes = FakeDirectory(), FakeQueue()
    directory.delta_pages = [ChangePage([ChangedUser(guid(1), False, True)], "new")]
    await CatchUp(
        directory=directory,
        state=FakeState(link="stored"),
        queue=changes,
        users=FakeUsers(),
        waiting=waiting,
        mode=Mode.MOVE,
        clock=clock,
        log=EventLog("acp.catching_up"),
    ).catch_up()
    for event, messages in {
        "notified": taken_in,
        "rechecked": rechecks.moves,
        "sweep_ended": sweeping.queue.moves,
        "caught_up": changes.moves,
    }.items():
        assert [each.operation for each in messages] == [lines.one(event)["operation"]]
