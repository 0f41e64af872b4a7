"""Poison events: their users come again from the queue of users; what is none stays."""

import pytest

from shared.domain.cloud_event import CloudEvent
from shared.domain.messages import MoveMessage
from shared.domain.run import Mode, Signal
from shared.domain.subscription import ChangeSubscription, Secret
from shared.errors import StorageError
from shared.services.notifications.intake import NotificationIntake
from shared.services.upkeep.failed_events import FailedEvents
from shared.telemetry.log import EventLog
from tests.fakes import FakeClock, FakePoison, FakeQueue, FakeState, guid
from tests.loglines import Lines

TENANT = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"


def event(number: int, kind: str = "Microsoft.Graph.UserUpdated", **other: str) -> CloudEvent:
    """An event of ours."""
    own = {"subscriptionId": "s1", "clientState": "secret", "tenantId": TENANT}
    return CloudEvent(kind, {**own, "resourceData": {"id": guid(number)}, **other})


async def record(poison: FakePoison[CloudEvent], queue: FakeQueue) -> int:
    """Record a poison queue."""
    state = FakeState(ChangeSubscription((Secret("secret", "s1"),), "s1"))
    intake = NotificationIntake(state, TENANT, Mode.MOVE, FakeClock(), EventLog("acp.intake"))
    return await FailedEvents([poison], intake, queue, EventLog("acp.poison")).record()


async def test_users_of_failed_events_come_again_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Checked as at their arrival: a forged event is removed and moves nobody."""
    lines, queue = Lines(caplog), FakeQueue()
    poison = FakePoison([event(1), event(2, clientState="guessed"), event(3)])
    assert await record(poison, queue) == 2
    (first, third) = queue.messages
    assert isinstance(first, MoveMessage)
    assert isinstance(third, MoveMessage)
    assert [(each.users, each.cause, each.mode, each.retries) for each in (first, third)] == [
        ((guid(1),), Signal.LICENSE_EVENT, Mode.MOVE, 1),
        ((guid(3),), Signal.LICENSE_EVENT, Mode.MOVE, 1),
    ]
    assert poison.left == []
    recorded = lines.one("poison_recorded")
    assert (recorded["messages"], recorded["users"]) == ("3", "2")


async def test_a_failed_renewal_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The schedule renews, too: nobody has to act, but somebody may want to know."""
    lines = Lines(caplog)
    poison = FakePoison([event(1, "Microsoft.Graph.SubscriptionReauthorizationRequired")])
    assert await record(poison, FakeQueue()) == 0
    assert poison.left == []
    assert "queued_license_events" in lines.one("renewal_failed")["reason"]


async def test_a_full_queue_keeps_the_poison_events() -> None:
    """What could not be sent on stays where it is."""
    poison = FakePoison([event(1)])
    with pytest.raises(StorageError):
        await record(poison, FakeQueue(down=True))
    assert poison.left == [event(1)]


async def test_without_the_queue_nothing_is_read() -> None:
    """Events that arrive by webhook leave no poison queue."""
    state = FakeState(None)
    intake = NotificationIntake(state, TENANT, Mode.MOVE, FakeClock(), EventLog("acp.intake"))
    assert await FailedEvents([], intake, FakeQueue(), EventLog("acp.poison")).record() == 0
