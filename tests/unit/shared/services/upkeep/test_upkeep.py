"""Subscription upkeep, rechecks and health."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from shared.domain.messages import Message, MoveMessage
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import DueUser, Waiting, WaitReason
from shared.domain.run import Mode, Signal
from shared.domain.subscription import ChangeSubscription, GraphSubscription, Secret
from shared.errors import SettingsError, StorageError, UnreachableError
from shared.services.admin.health import Health
from shared.services.notifications.subscription import Subscriber
from shared.services.upkeep.recheck import Rechecker
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    FakeQueue,
    FakeState,
    FakeWaiting,
    guid,
)
from tests.loglines import Lines

URL = "https://app.example/api/graph/notifications"

LOG = EventLog("acp.rechecking")


def subscriber(
    directory: FakeDirectory, state: FakeState, clock: FakeClock, url: str | None = URL
) -> Subscriber:
    """A subscriber with fakes around it."""
    return Subscriber(directory, state, url, clock, EventLog("acp.subscribing"))


def secret_of(state: ChangeSubscription) -> Secret:
    """The secret that is valid without an end."""
    (secret,) = (secret for secret in state.secrets if not secret.valid_until)
    return secret


async def test_subscription_is_created_with_a_stored_secret() -> None:
    """Without a subscription one is created; its secret is in the table, long and random."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    kept = await subscriber(directory, state, clock).keep()
    assert len(directory.created) == 1
    assert directory.created[0].startswith(URL + "?s=")
    assert state.known == kept
    assert len(secret_of(kept).client_state) >= 32
    assert secret_of(kept).subscription_id == kept.subscription_id


async def test_fresh_subscription_is_left_alone_and_an_old_one_renewed() -> None:
    """Upkeep renews well before the end and not at every call."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    upkeep = subscriber(directory, state, clock)
    first = await upkeep.keep()
    assert await upkeep.keep() == first
    clock.passed += timedelta(days=3).total_seconds()
    renewed = await upkeep.keep()
    assert renewed.subscription_id == first.subscription_id
    assert renewed.expires_at == clock.now() + timedelta(days=7)
    assert len(directory.created) == 1


async def test_reauthorization_renews_at_once() -> None:
    """When Graph asks for it the subscription is renewed, however fresh it is."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    upkeep = subscriber(directory, state, clock)
    await upkeep.keep()
    clock.passed += 60
    assert (await upkeep.keep(renew_now=True)).expires_at == clock.now() + timedelta(days=7)


async def test_vanished_subscription_is_created_anew() -> None:
    """When Graph has it no more, another one takes its place, with another secret."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    upkeep = subscriber(directory, state, clock)
    first = await upkeep.keep()
    directory.live.clear()
    second = await upkeep.keep()
    assert second.subscription_id != first.subscription_id
    assert secret_of(second).client_state != secret_of(first).client_state


async def test_secret_rotates_and_the_old_one_lives_on_for_a_while() -> None:
    """After a month a new subscription with a new secret replaces the old one, without a gap."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    upkeep = subscriber(directory, state, clock)
    first = await upkeep.keep()
    for _ in range(6):
        clock.passed += timedelta(days=5).total_seconds()
        last = await upkeep.keep()
    assert list(directory.live) == [last.subscription_id] != [first.subscription_id]
    old = [secret for secret in last.secrets if secret.valid_until]
    assert [secret.client_state for secret in old] == [secret_of(first).client_state]
    assert old[0].is_valid(clock.now() + timedelta(minutes=59))
    assert not old[0].is_valid(clock.now() + timedelta(minutes=61))


async def test_secret_rotates_where_graph_takes_one_subscription_only() -> None:
    """Where Graph refuses a second subscription the old one goes first; its secret lives on a while."""
    directory, state, clock = FakeDirectory(one_subscription_only=True), FakeState(), FakeClock()
    upkeep = subscriber(directory, state, clock)
    first = await upkeep.keep()
    for _ in range(6):
        clock.passed += timedelta(days=5).total_seconds()
        last = await upkeep.keep()
    assert list(directory.live) == [last.subscription_id]
    assert secret_of(first).client_state in {secret.client_state for secret in last.secrets}


async def test_failed_rotation_leaves_the_old_secret_valid() -> None:
    """While Graph fails, the live subscription's notifications are still taken, however long."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    upkeep = subscriber(directory, state, clock)
    first = await upkeep.keep()
    for _ in range(5):
        clock.passed += timedelta(days=5).total_seconds()
        await upkeep.keep()
    directory.create_error = UnreachableError("Graph", "POST /v1.0/subscriptions", "ReadTimeout")
    clock.passed += timedelta(days=5).total_seconds()
    for _ in range(3):
        with pytest.raises(UnreachableError):
            await upkeep.keep()
        clock.passed += 3600
    assert state.known is not None
    valid = [s.client_state for s in state.known.secrets if s.is_valid(clock.now())]
    assert secret_of(first).client_state in valid


async def test_event_grid_subscription_is_not_rotated() -> None:
    """An Event Grid subscription keeps its partner topic: it is renewed, not replaced."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    upkeep = subscriber(directory, state, clock, url="EventGrid:?azuresubscriptionid=x")
    for _ in range(8):
        await upkeep.keep()
        clock.passed += timedelta(days=5).total_seconds()
    assert directory.created == ["EventGrid:?azuresubscriptionid=x"]


async def test_two_instances_leave_one_subscription() -> None:
    """Instances that start together leave exactly one subscription, and both know it."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    both = await asyncio.gather(*(subscriber(directory, state, clock).keep() for _ in range(5)))
    assert list(directory.live) == [both[0].subscription_id]
    assert len(set(both)) == 1


async def test_killed_instance_does_not_block_others_for_long() -> None:
    """The lease of an instance that died in the middle ends by itself."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    await state.acquire("subscription", "dead", clock.now(), timedelta(seconds=15))
    await subscriber(directory, state, clock).keep()
    assert 15 <= clock.passed < 17


async def test_instance_that_lost_its_lease_changes_nothing() -> None:
    """One that was slower than its lease stops before a change: another has taken over."""

    class SlowDirectory(FakeDirectory):
        async def subscriptions(self) -> list[GraphSubscription]:
            clock.passed += 61
            await state.acquire("subscription", "another", clock.now(), timedelta(seconds=30))
            return await super().subscriptions()

    directory, state, clock = SlowDirectory(), FakeState(), FakeClock()
    with pytest.raises(StorageError, match="another instance took it"):
        await subscriber(directory, state, clock).keep()
    assert directory.created == []
    assert state.leases["subscription"][0] == "another"


async def test_leftover_of_a_crash_is_removed() -> None:
    """A subscription that Graph made for an instance that died then does not stay beside ours."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    await directory.create_subscription(f"{URL}?s=0000", "lost", clock.now() + timedelta(days=7))
    await directory.create_subscription("https://other.example/", "x", clock.now())
    kept = await subscriber(directory, state, clock).keep()
    assert set(directory.live) == {"subscription-2", kept.subscription_id}


async def test_unknown_address_names_the_setting() -> None:
    """An app that does not know its public address says which setting is missing."""
    with pytest.raises(SettingsError, match="ACP_PUBLIC_URL"):
        await subscriber(FakeDirectory(), FakeState(), FakeClock(), url=None).keep()


def row(number: int, minutes: int, *, attention: bool = False) -> Waiting:
    """A user due some minutes after noon, who waits or needs attention."""
    due = NOON + timedelta(minutes=minutes)
    return Waiting(guid(number), WaitReason.PROVISIONING, "why", NOON, due, NOON, attention)


async def test_due_users_are_queued_and_claimed() -> None:
    """Users who are due are queued once, those who need attention too; the others are not."""
    waiting, queue, clock = FakeWaiting(), FakeQueue(), FakeClock()
    for item in (row(1, 0), row(2, 5), row(3, 0, attention=True), row(4, 5, attention=True)):
        await waiting.save_waiting(item)
    rechecker = Rechecker(
        waiting, queue, Mode.MOVE, clock, EventLog("acp.rechecking"), state=FakeState()
    )
    assert await rechecker.recheck() == 2
    assert queue.moves == [
        MoveMessage(Signal.RECHECK, (guid(1), guid(3)), None, queue.moves[0].operation, Mode.MOVE)
    ]
    assert await rechecker.recheck() == 0


async def test_claimed_user_comes_back_when_its_message_is_lost() -> None:
    """A claim ends by itself: a user whose message vanished is queued again."""
    waiting, queue, clock = FakeWaiting(), FakeQueue(), FakeClock()
    await waiting.save_waiting(row(1, 0))
    rechecker = Rechecker(
        waiting, queue, Mode.MOVE, clock, EventLog("acp.rechecking"), state=FakeState()
    )
    await rechecker.recheck()
    clock.passed += timedelta(hours=1).total_seconds()
    assert await rechecker.recheck() == 1


async def test_while_changes_are_paused_nobody_is_queued_and_everybody_stays_due() -> None:
    """After the pause the next recheck queues all of them at once."""
    waiting, queue, clock, state = FakeWaiting(), FakeQueue(), FakeClock(), FakeState()
    await waiting.save_waiting(row(1, 0))
    log = EventLog("acp.rechecking")
    rechecker = Rechecker(waiting, queue, Mode.MOVE, clock, log, state=state)
    state.pausing = Pause("why", RequestedBy("adele"), NOON)
    assert (await rechecker.recheck(), queue.messages) == (0, [])
    state.pausing = None
    assert (await rechecker.recheck(), queue.users) == (1, [guid(1)])


async def test_a_user_who_cannot_be_claimed_delays_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rule 5: one failing claim keeps only that user due; everybody else is queued at once."""
    lines = Lines(caplog)
    waiting, queue, clock = FakeWaiting(unclaimable={guid(7)}), FakeQueue(), FakeClock()
    for number in range(2_500):
        await waiting.save_waiting(row(number, 0))
    rechecker = Rechecker(
        waiting, queue, Mode.REPORT, clock, EventLog("acp.rechecking"), state=FakeState()
    )
    assert await rechecker.recheck() == 2_499
    assert queue.users == [guid(number) for number in range(2_500) if number != 7]
    assert {each.mode for each in queue.moves} == {Mode.REPORT}
    assert [user.user_id async for user in waiting.due(clock.now())] == [guid(7)]
    assert lines.one("claim_failed")["users"] == "1"
    waiting.unclaimable.clear()
    assert await rechecker.recheck() == 1


async def test_due_users_are_queued_page_by_page() -> None:
    """A queue that fails at the second hundred has the first: what was found is not held back."""

    class Full(FakeQueue):
        async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
            self.down = bool(self.messages)
            await super().send(messages, delay)

    waiting, queue, clock = FakeWaiting(), Full(), FakeClock()
    for number in range(2_500):
        await waiting.save_waiting(row(number, 0))
    with pytest.raises(StorageError):
        await Rechecker(
            waiting, queue, Mode.MOVE, clock, EventLog("acp.rechecking"), state=FakeState()
        ).recheck()
    assert queue.users == [guid(number) for number in range(100)]
    assert len([user async for user in waiting.due(clock.now())]) == 2_300


async def test_a_recheck_that_is_cut_off_queues_whom_it_claimed() -> None:
    """The tick's slice ends between the claims and the message: nobody waits for the claim's end."""

    class Slow(FakeWaiting):
        async def claim(self, user: DueUser, until: datetime) -> bool:
            if user.user_id == guid(7):
                await asyncio.Event().wait()
            return await super().claim(user, until)

    waiting, queue, clock = Slow(), FakeQueue(), FakeClock()
    for number in range(10):
        await waiting.save_waiting(row(number, 0))
    log = EventLog("acp.rechecking")
    rechecker = Rechecker(waiting, queue, Mode.MOVE, clock, log, state=FakeState())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await rechecker.recheck()
    assert queue.users == [guid(number) for number in range(10) if number != 7]
    assert [user.user_id async for user in waiting.due(clock.now())] == [guid(7)]


async def test_health_names_what_fails_and_asks_seldom() -> None:
    """Health tells each part's state, and repeats it for a while without asking again."""
    asked: list[str] = []

    async def well() -> None:
        asked.append("storage")

    async def ill() -> None:
        asked.append("graph")
        raise UnreachableError("Graph", "GET /v1.0/users", "ConnectError")

    clock = FakeClock()
    state = FakeState(pausing=Pause("why", RequestedBy("adele"), NOON))
    checks = {"storage": well, "graph": ill}
    health = Health(checks, clock, EventLog("acp.health"), state.pause)
    answers = await asyncio.gather(*(health.check() for _ in range(20)))
    assert answers[0] == {"storage": "ok", "graph": "failing"}
    assert (len(asked), health.paused) == (2, True)
    state.pause_error = StorageError("read in table state", "HttpResponseError")
    clock.passed += 11
    await health.check()
    assert (len(asked), health.paused) == (4, False)
