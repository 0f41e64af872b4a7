import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.queue_lease import Lease

pytestmark = pytest.mark.anyio

LIMIT = 30.0


class FakeQueue:
    """Hands out a new pop receipt at every update; fails the updates in `failing`."""

    def __init__(self, failing: frozenset[int] = frozenset()) -> None:
        self.updates: list[dict[str, Any]] = []
        self._failing = failing
        self.changed = asyncio.Event()

    async def update_message(self, message_id: str, **options: Any) -> SimpleNamespace:
        """Note the update."""
        self.updates.append({"id": message_id, **options})
        self.changed.set()
        if len(self.updates) in self._failing:
            raise ServiceRequestError("no connection")
        return SimpleNamespace(pop_receipt=f"receipt-{len(self.updates)}")

    async def wait_for_updates(self, number: int) -> None:
        """Until there were so many updates."""
        async with asyncio.timeout(LIMIT):
            while len(self.updates) < number:
                self.changed.clear()
                await self.changed.wait()


def lease(queue: FakeQueue, seconds: float) -> Lease:
    """A lease of a message over a fake queue."""
    message = cast("QueueMessage", SimpleNamespace(id="1", pop_receipt="receipt-0"))
    return Lease(cast("QueueClient", queue), message, cast("int", seconds))


async def test_the_receipt_of_the_last_renewal_is_kept() -> None:
    """Each renewal presents the receipt of the one before, and the last one remains."""
    queue = FakeQueue()
    async with lease(queue, 0.02) as held:
        await queue.wait_for_updates(3)
    receipts = [update["pop_receipt"] for update in queue.updates]
    assert receipts[:3] == ["receipt-0", "receipt-1", "receipt-2"]
    assert held.pop_receipt == f"receipt-{len(queue.updates)}"
    assert {update["visibility_timeout"] for update in queue.updates} == {0.02}


async def test_a_failed_renewal_does_not_end_the_lease() -> None:
    """A renewal that fails is tried again with the receipt that is still valid."""
    queue = FakeQueue(failing=frozenset({1}))
    async with lease(queue, 0.02):
        await queue.wait_for_updates(2)
    assert [update["pop_receipt"] for update in queue.updates][:2] == ["receipt-0", "receipt-0"]


async def test_a_short_run_renews_nothing() -> None:
    """A message that is done long before half of its lease costs no request."""
    queue = FakeQueue()
    async with lease(queue, 600):
        pass
    assert queue.updates == []
