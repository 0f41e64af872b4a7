"""Creations that are refused, and instances that are slower than their lease."""

import asyncio
from datetime import datetime, timedelta

import pytest

from shared.domain.subscription import ChangeSubscription, GraphSubscription, Secret
from shared.errors import (
    AccessDeniedError,
    RejectedError,
    ServiceError,
    StorageError,
    UnreachableError,
)
from shared.services.notifications.subscription import Subscriber
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeClock, FakeDirectory, FakeState

URL = "https://app.example/api/graph/notifications"


def subscriber(directory: FakeDirectory, state: FakeState, clock: FakeClock) -> Subscriber:
    """A subscriber with fakes around it."""
    return Subscriber(directory, state, URL, clock, EventLog("acp.subscribing"))


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("Graph", "POST /v1.0/subscriptions", "ReadTimeout"),
        RejectedError("Graph", "POST /v1.0/subscriptions", "HTTP 400", status=400),
        AccessDeniedError("Graph", "POST /v1.0/subscriptions", "HTTP 403", status=403),
    ],
)
async def test_tries_that_fail_leave_one_secret_at_most(error: ServiceError) -> None:
    """Finding 9: 400 tries fail; one pending secret is left, or none, and soon it opens nothing."""
    directory, state, clock = FakeDirectory(create_error=error), FakeState(), FakeClock()
    for _ in range(400):
        with pytest.raises(ServiceError):
            await subscriber(directory, state, clock).keep()
        clock.passed += 60
    assert state.known is not None
    assert len(state.known.secrets) == isinstance(error, UnreachableError)
    clock.passed += 600
    assert not [each for each in state.known.secrets if each.opens("any", clock.now())]
    directory.create_error = None
    kept = await subscriber(directory, state, clock).keep()
    assert kept.secrets == (Secret(kept.secrets[0].client_state, kept.subscription_id),)


async def test_what_an_older_version_piled_up_is_cleared() -> None:
    """Finding 9: 307 secrets of refused creations go with the next creation; those in use stay."""
    piled = tuple(Secret(f"refused-{number}") for number in range(307))
    ended = Secret("ended", "subscription-7", (NOON - timedelta(hours=1)).isoformat())
    ending = Secret("ending", "subscription-7", (NOON + timedelta(minutes=5)).isoformat())
    used = Secret("used", "subscription-8")
    known = ChangeSubscription((*piled, ended, ending, used), "subscription-8")
    state, clock = FakeState(known), FakeClock()
    kept = await subscriber(FakeDirectory(), state, clock).keep()
    old = Secret("used", "subscription-8", (NOON + timedelta(hours=1)).isoformat())
    assert kept.secrets == (Secret(kept.secrets[0].client_state, kept.subscription_id), ending, old)


class Slow(FakeDirectory):
    """Graph, of which the creations numbered in `slow` take longer than a lease."""

    def __init__(self, clock: FakeClock, *, one: bool = False) -> None:
        super().__init__(one_subscription_only=one)
        self.clock = clock
        self.may_answer = asyncio.Event()
        self.asked = asyncio.Event()

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> GraphSubscription:
        first = not self.asked.is_set()
        self.asked.set()
        if first and not self.one_subscription_only:
            made = await super().create_subscription(url, client_state, expires)
            await self.may_answer.wait()
            return made
        if first:
            await self.may_answer.wait()
        return await super().create_subscription(url, client_state, expires)


@pytest.mark.parametrize("one", [False, True])
async def test_a_creation_slower_than_its_lease_leaves_one_live_known_subscription(
    one: bool,
) -> None:
    """Attack 7: another instance takes over meanwhile; what the slow one made goes, not what is known."""
    state, clock = FakeState(), FakeClock()
    directory = Slow(clock, one=one)
    slow = asyncio.create_task(subscriber(directory, state, clock).keep())
    await directory.asked.wait()
    kept = await subscriber(directory, state, clock).keep()
    assert clock.slept == [1.0] * 60, "as long as the lease lasts"
    directory.may_answer.set()
    with pytest.raises(StorageError) as lost:
        await slow
    assert str(lost.value) == (
        "storage: keep the lease of the subscription failed: another instance took it"
    )
    assert (state.known, list(directory.live)) == (kept, [kept.subscription_id])
