"""Events from a queue: those that come together share the work, and each stands for itself."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

import pytest

from shared.domain.messages import MoveMessage
from shared.domain.run import Mode, Signal
from shared.domain.subscription import ChangeSubscription, Secret
from shared.errors import InputError, StorageError
from shared.services.notifications.intake import NotificationIntake
from shared.services.notifications.queued_events import QueuedEvents
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeClock, FakeState, guid

LATER = NOON + timedelta(minutes=1)
TENANT = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"


def event(number: int, kind: str = "Microsoft.Graph.UserUpdated", **other: Any) -> bytes:
    """An event of ours about a user; `other` replaces fields of its notification."""
    data = {
        "subscriptionId": "s1",
        "clientState": "secret",
        "tenantId": TENANT,
        "resourceData": {"id": guid(number)},
        **other,
    }
    return json.dumps({"specversion": "1.0", "type": kind, "data": data}).encode()


@dataclass
class Mover:
    """Notes the messages; works while `open` is set; the users of `bad` fail the whole message."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    moved: list[tuple[str, ...]] = field(default_factory=list)
    arrived: list[datetime | None] = field(default_factory=list)
    bad: frozenset[str] = frozenset()
    in_work: int = 0
    most: int = 0

    async def handle(self, message: MoveMessage) -> None:
        assert (message.cause, message.mode) == (Signal.LICENSE_EVENT, Mode.MOVE)
        self.moved.append(message.users)
        self.arrived.append(message.arrived)
        self.in_work += 1
        self.most = max(self.most, self.in_work)
        await self.open.wait()
        self.in_work -= 1
        if self.bad & set(message.users):
            raise StorageError("record", "busy")


def events(mover: Mover, state: FakeState | None = None) -> QueuedEvents:
    """The service, with the real check of notifications."""
    known = state or FakeState(ChangeSubscription((Secret("secret", "s1"),), "s1"))
    log = EventLog("acp.intake")
    return QueuedEvents(NotificationIntake(known, TENANT, Mode.MOVE, FakeClock(), log), mover)


BUSY = [event(98), event(99)]
"""The first two events: each is a group of its own."""


async def take_all(
    service: QueuedEvents,
    bodies: Sequence[bytes],
    mover: Mover,
    times: Sequence[datetime | None] = (),
) -> list[Any]:
    """What each call returns or raises, when all come before the first is done. times: of arrival."""
    dated = zip_longest(bodies, times)
    calls = [asyncio.ensure_future(service.take(body, time)) for body, time in dated]
    for _ in range(20):
        await asyncio.sleep(0)
    mover.open.set()
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_an_event_alone_waits_for_nobody() -> None:
    """It is a group of its own at once."""
    mover = Mover()
    assert await take_all(events(mover), [event(1)], mover) == [False]
    assert mover.moved == [(guid(1),)]


async def test_events_that_come_meanwhile_are_one_group() -> None:
    """Two groups in work; all others together, at most 20 and in their order."""
    mover = Mover()
    bodies = [*BUSY, *(event(number) for number in range(30))]
    assert await take_all(events(mover), bodies, mover) == [False] * 32
    assert mover.moved == [
        (guid(98),),
        (guid(99),),
        tuple(guid(number) for number in range(20)),
        tuple(guid(number) for number in range(20, 30)),
    ]
    assert mover.most == 2


async def test_several_events_of_a_user_are_one_attempt() -> None:
    """Graph sends several for one edit."""
    mover = Mover()
    assert await take_all(events(mover), [*BUSY, *[event(1)] * 3], mover) == [False] * 5
    assert mover.moved[2:] == [(guid(1),)]


@pytest.mark.parametrize(
    "spoiled",
    [
        {"clientState": "guessed"},
        {"tenantId": guid(9)},
        {"subscriptionId": "s2"},
        {"resourceData": {"id": "nobody"}},
    ],
)
async def test_an_event_that_is_not_ours_moves_nobody(spoiled: dict[str, Any]) -> None:
    """Dropped without an error, with which it would come again; the others of its group are moved."""
    mover = Mover()
    bodies = [event(1, **spoiled), event(2)]
    assert await take_all(events(mover), bodies, mover) == [False, False]
    assert mover.moved == [(guid(2),)]


async def test_what_is_no_event_fails_alone() -> None:
    """Its call gets the reason; the calls beside it go on."""
    mover = Mover()
    first, second, third = await take_all(
        events(mover), [event(1), b"move everybody", event(3)], mover
    )
    assert (first, third, type(second)) == (False, False, InputError)
    assert sorted(user for group in mover.moved for user in group) == [guid(1), guid(3)]


async def test_a_group_that_fails_comes_again() -> None:
    """Each of its calls raises, so that the queue keeps its event; the next group is not touched."""
    mover = Mover(bad=frozenset({guid(1)}))
    service = events(mover)
    found = await take_all(service, [*BUSY, event(1), event(2)], mover)
    assert [type(each) for each in found] == [bool, bool, StorageError, StorageError]
    assert await service.take(event(3)) is False


async def test_without_the_secrets_no_event_is_lost() -> None:
    """The storage does not answer: nobody knows whose event it is, and it comes again."""

    class Down(FakeState):
        async def subscription(self) -> ChangeSubscription | None:
            raise StorageError("read the subscription", "busy")

    mover = Mover()
    (found,) = await take_all(events(mover, Down()), [event(1)], mover)
    assert (type(found), mover.moved) == (StorageError, [])


async def test_one_call_of_a_group_asks_for_the_renewal() -> None:
    """However many lifecycle events came together; a forged one asks for nothing."""
    kind, mover = "Microsoft.Graph.SubscriptionReauthorizationRequired", Mover()
    bodies = [*BUSY, *(event(number, kind) for number in range(3))]
    assert sum(await take_all(events(mover), bodies, mover)) == 1
    assert await events(mover).take(event(1, kind, clientState="guessed")) is False
    assert mover.moved == [(guid(98),), (guid(99),)]


async def test_a_call_that_is_given_up_leaves_the_others_alone() -> None:
    """A host that stops cancels calls: who works on a group cancels it, who waits does not."""
    mover = Mover()
    service = events(mover)
    calls = [asyncio.ensure_future(service.take(event(number))) for number in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)
    calls[2].cancel()
    mover.open.set()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in found] == [bool, bool, asyncio.CancelledError]


@pytest.mark.parametrize(
    ("times", "expected"),
    [([None], None), ([NOON], NOON), ([NOON, LATER, NOON], LATER), ([NOON, None, LATER], None)],
)
async def test_a_group_came_when_its_last_event_did(
    times: list[datetime | None], expected: datetime | None
) -> None:
    """Who was attempted since then is left out; where one event does not say when, nobody is."""
    mover = Mover()
    bodies = [*BUSY, *(event(number) for number in range(len(times)))]
    await take_all(events(mover), bodies, mover, [LATER, NOON, *times])
    assert mover.arrived == [LATER, NOON, expected]
