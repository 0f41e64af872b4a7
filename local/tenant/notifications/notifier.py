"""Delivers notifications in the background: gathered, out of order, and again when refused.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks. A subscriber has
10 seconds; any 2xx is a delivery; everything else is tried again with growing waits, here a fixed
number of times instead of four hours.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Iterable
from functools import cache

import httpx

from local.tenant.directory.people import User
from local.tenant.notifications.endpoint_health import SLOW_SECONDS, EndpointHealth
from local.tenant.notifications.event_queue import put_message
from local.tenant.notifications.handshake import handshake
from local.tenant.notifications.payloads import Notice, as_cloud_event, as_notification
from local.tenant.notifications.subscriptions import Subscription
from local.tenant.tenant import Tenant

_PARALLEL = 8


@cache
def _certificates() -> ssl.SSLContext:
    """Loaded at the first use and once: it takes a fifth of a second."""
    return httpx.create_ssl_context(trust_env=False)


class Notifier:
    """Holds the live subscriptions and notifies them of changes. Start it inside an event loop."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._options = tenant.options
        self._dice = tenant.dice
        self._health = EndpointHealth()
        self.event_grid_url = tenant.options.event_grid_url
        self.event_grid_queue = tenant.options.event_grid_queue
        self.subscriptions: dict[str, Subscription] = {}
        self._waiting: list[Notice] = []
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_PARALLEL)
        self._rng = random.Random(f"{tenant.options.seed}/notices")  # noqa: S311 - not a secret
        self._client: httpx.AsyncClient | None = None
        tenant.directory.listen(self._on_change)

    # -- life

    def start(self) -> None:
        """Begin delivering."""
        # Addresses carry function keys, and httpx logs each address it calls.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._spawn(self._run())

    async def stop(self) -> None:
        """Stop; what was not delivered yet is lost, as when a service goes away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    @property
    def idle(self) -> bool:
        """Whether everything has been delivered or given up."""
        return not self._waiting and len(self._tasks) <= 1

    # -- subscriptions

    def live(self) -> list[Subscription]:
        """The subscriptions that have not expired; the others are forgotten here."""
        now = self._tenant.clock.now()
        for expired in [s.id for s in self.subscriptions.values() if s.expires <= now]:
            del self.subscriptions[expired]
        return list(self.subscriptions.values())

    async def validate(self, url: str) -> str | None:
        """Have a webhook echo a token. None, or what went wrong."""
        token = f"Validation: Testing client application reachability {self._tenant.new_id()}"
        limit = self._options.handshake_timeout_seconds
        return await handshake(self._http(), url, token, limit)

    # -- notices

    def ask_to_reauthorize(self, subscription: Subscription) -> None:
        """Send the lifecycle notification that asks for a renewal."""
        self._add([self._notice(subscription, "", "", "reauthorizationRequired")])

    def _on_change(self, user: User, change: str) -> None:
        for subscription in self.live():
            if change not in subscription.change_types:
                continue
            if self._dice.strikes("subscriptions_vanish"):
                del self.subscriptions[subscription.id]
            else:
                self._enqueue(self._notice(subscription, user.id, change))

    def _enqueue(self, notice: Notice) -> None:
        """Queue a notice, unless a fault has something else in mind."""
        dice, late = self._dice, self._dice.faults.late_seconds
        if dice.strikes("notifications_lost"):
            return
        copies = 2 if dice.strikes("notifications_doubled") else 1
        for _ in range(copies):
            if dice.strikes("notifications_late"):
                self._spawn(self._add_later(notice, late))
            elif dice.strikes("notifications_reordered"):
                drawn = dice.stream("notifications_reordered/wait").random()
                self._spawn(self._add_later(notice, late * drawn))
            else:
                self._add([notice])

    async def _add_later(self, notice: Notice, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._add([notice])

    def _notice(
        self, subscription: Subscription, user_id: str, change: str, lifecycle: str | None = None
    ) -> Notice:
        now = self._tenant.clock.now()
        return Notice(self._tenant.new_id(), subscription, user_id, change, now, lifecycle)

    def _add(self, notices: Iterable[Notice]) -> None:
        before = len(self._waiting)
        self._waiting.extend(notices)
        self._tenant.ledger.notifications["queued"] += len(self._waiting) - before
        self._wake.set()

    # -- delivery

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(self._options.notification_delay_seconds)
            self._wake.clear()
            notices, self._waiting = self._waiting, []
            self._rng.shuffle(notices)
            for batch in self._batches(notices):
                self._spawn(self._deliver(batch))

    def _batches(self, notices: list[Notice]) -> list[list[Notice]]:
        by_address: dict[str, list[Notice]] = {}
        for notice in notices:
            address = self._address(notice)
            if not address:
                self._tenant.ledger.notifications["dropped"] += 1
            else:
                by_address.setdefault(address, []).append(notice)
        return [
            group[start : start + size]
            for address, group in by_address.items()
            for size in [self._most_at_once(address)]
            for start in range(0, len(group), size)
        ]

    def _most_at_once(self, address: str) -> int:
        """One event per message of a queue; else notifications in one POST."""
        queued = address == self.event_grid_queue
        return 1 if queued else self._options.notification_batch_size

    async def _deliver(self, batch: list[Notice]) -> None:
        counters = self._tenant.ledger.notifications
        address = self._address(batch[0])
        if self._health.is_dropped(address, self._tenant.clock.now()):
            counters["dropped"] += len(batch)
            return
        if self._health.is_slow(address, self._tenant.clock.now()):
            await asyncio.sleep(self._options.slow_endpoint_delay_seconds)
        for wait in (*self._options.notification_retry_seconds, None):
            async with self._slots:
                counters["sent"] += len(batch)
                delivered = await self._post(address, batch)
            if delivered:
                counters["delivered"] += len(batch)
                return
            if wait is not None:
                counters["retried"] += len(batch)
                await asyncio.sleep(wait)
        counters["failed"] += len(batch)

    def _address(self, notice: Notice) -> str:
        """Where a notice goes; empty when nobody wants it."""
        if notice.event_grid:
            return self.event_grid_queue or self.event_grid_url or ""
        return notice.address or ""

    async def _post(self, address: str, batch: list[Notice]) -> bool:
        """One POST; whether it was answered with 2xx in time."""
        first, tenant = batch[0], self._tenant
        if address == self.event_grid_queue:
            event = as_cloud_event(first, tenant.id, tenant.app_id)
            return await put_message(self._http(), address, event)
        headers: dict[str, str] = {}
        content: object
        if first.event_grid:
            headers["aeg-event-type"] = "Notification"
            headers["Content-Type"] = "application/cloudevents-batch+json; charset=utf-8"
            content = [as_cloud_event(notice, tenant.id, tenant.app_id) for notice in batch]
        else:
            content = {"value": [as_notification(notice, tenant.id) for notice in batch]}
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._options.notification_timeout_seconds):
                answer = await self._http().post(address, json=content, headers=headers)
        except (TimeoutError, httpx.HTTPError):
            return False
        finally:
            took = loop.time() - began
            self._health.answered(address, took, tenant.clock.now())
            tenant.ledger.notifications["slow"] += took > SLOW_SECONDS
        return answer.is_success

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(None), trust_env=False, verify=_certificates()
            )
        return self._client

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
