"""Maintain the change subscription: without one Graph sends no notifications.

Graph documents that it refuses a second subscription for the same changes (409), though people have
seen it accept some. So a new one is created while the old one still exists; if Graph refuses that, the
old one is deleted first, and `catch_up` finds what happens in between. Each one has a separate address
(`?s=...`), which identifies a leftover of a crash. Sources: "subscription resource type", "Create
subscription" and "Receive change notifications through webhooks", Microsoft Graph documentation.
"""

import asyncio
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.subscription import (
    LONGEST_SUBSCRIPTION,
    ChangeSubscription,
    GraphSubscription,
    Secret,
)
from shared.errors import (
    NotFoundError,
    RejectedError,
    ServiceError,
    SettingsError,
    StaleError,
    StorageError,
    TransientError,
)
from shared.services.ports import State, Subscriptions
from shared.telemetry.events import (
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionGone,
    SubscriptionRenewed,
)
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_LIFETIME: Final = min(timedelta(days=7), LONGEST_SUBSCRIPTION)
_RENEW_BEFORE: Final = timedelta(days=5)
_ROTATE_AFTER: Final = timedelta(days=30)
_OLD_SECRET_LIVES: Final = timedelta(hours=1)
"""Grace period of an old secret: longer than a delayed notification takes to arrive."""

_EVENT_GRID: Final = "EventGrid:"
_CONFLICT: Final = 409
_LEASE: Final = "subscription"
_LEASE_SPAN: Final = timedelta(seconds=60)
"""How long a killed instance blocks others; a slow one renews the lease at each step, and checks it after."""

_PENDING: Final = timedelta(minutes=10)
"""How long the secret of a creation is valid before Graph's answer: longer than any creation takes."""

_LEASE_WAIT: Final = 1.0
_LEASE_PATIENCE: Final = timedelta(minutes=5)


class _TurnLostError(StorageError):
    """The lease ended, and another instance has taken it."""


class Subscriber:
    """Maintains exactly one users subscription, however many instances try.

    url: where Graph delivers: an https address, or an `EventGrid:?...` one; None: not known.
    """

    def __init__(
        self, graph: Subscriptions, state: State, url: str | None, clock: Clock, log: EventLog
    ) -> None:
        self._graph = graph
        self._state = state
        self._url = url
        self._clock = clock
        self._log = log
        self._owner = secrets.token_hex(8)
        self._one_at_a_time = asyncio.Lock()

    @traced
    async def keep(self, *, renew_now: bool = False) -> ChangeSubscription:
        """Ensure that there is one active subscription with a recent secret; return it.

        renew_now: Graph asked for it (`reauthorizationRequired`). SettingsError: the app does not
        know its public address. ServiceError: Graph refused. StorageError: the lease stayed taken, or
        was lost to another instance, which then finishes the job.
        """
        if self._url is None:
            raise SettingsError("ACP_PUBLIC_URL: missing, and WEBSITE_HOSTNAME is not set either")
        async with self._one_at_a_time:
            await self._take_turn()
            try:
                return await self._keep(self._url, renew_now=renew_now)
            finally:
                await self._state.release(_LEASE, self._owner, self._clock.now())

    async def _take_turn(self) -> None:
        give_up = self._clock.now() + _LEASE_PATIENCE
        while not await self._state.acquire(_LEASE, self._owner, self._clock.now(), _LEASE_SPAN):
            if self._clock.now() > give_up:
                raise StorageError(
                    "take the lease of the subscription", "another instance keeps it"
                )
            await self._clock.sleep(_LEASE_WAIT)

    async def _still_our_turn(self) -> None:
        """Renew the lease before a change; StorageError: it ended, and another instance has it."""
        now = self._clock.now()
        if not await self._state.acquire(_LEASE, self._owner, now, _LEASE_SPAN, renew=True):
            raise _TurnLostError("keep the lease of the subscription", "another instance took it")

    async def _keep(self, url: str, *, renew_now: bool) -> ChangeSubscription:
        now = self._clock.now()
        known = await self._state.subscription()
        listed = {item.id for item in await self._graph.subscriptions() if item.is_for(url)}
        if known is None or known.subscription_id not in listed:
            if known and known.subscription_id:
                self._log.write(SubscriptionGone(subscription=known.subscription_id))
            kept = await self._create(url, known)
        elif self._is_old(known, now):
            kept = await self._create(url, known)
        elif renew_now or known.expires_at is None or known.expires_at - now < _RENEW_BEFORE:
            kept = await self._renew(url, known)
        else:
            kept = known
        for leftover in listed - {kept.subscription_id}:
            await self._still_our_turn()
            await self._delete(leftover)
        return kept

    def _is_old(self, known: ChangeSubscription, now: datetime) -> bool:
        # An Event Grid address belongs to its partner topic, which a second subscription would disturb.
        if self._url is None or self._url.startswith(_EVENT_GRID):
            return False
        return known.created_at is None or now - known.created_at >= _ROTATE_AFTER

    async def _create(self, url: str, known: ChangeSubscription | None) -> ChangeSubscription:
        """Create a subscription with a new secret; the old secrets stay valid for a while."""
        now = self._clock.now()
        fresh = Secret(secrets.token_urlsafe(32), valid_until=(now + _PENDING).isoformat())
        # Of creations that failed nothing is kept: there is one pending secret at most.
        old = tuple(
            secret
            for secret in (known.secrets if known else ())
            if secret.subscription_id and secret.is_valid(now)
        )
        before = known or ChangeSubscription(())
        # The secret is stored first: Graph may notify before its answer to the creation arrives.
        pending = replace(before, secrets=(fresh, *old))
        await self._state.save_subscription(pending, known)
        try:
            created = await self._ask_for(url, fresh)
        except TransientError:
            raise  # perhaps it happened: the secret ends by itself
        except ServiceError:
            await self._state.save_subscription(replace(before, secrets=old), pending)
            raise
        kept = ChangeSubscription(
            secrets=(Secret(fresh.client_state, created.id), *_ending(old, now)),
            subscription_id=created.id,
            created_at=now,
            expires_at=created.expires_at,
        )
        await self._record(kept, pending)
        self._log.write(
            SubscriptionCreated(subscription=kept.subscription_id, expires=_end_of(kept))
        )
        return kept

    async def _record(self, created: ChangeSubscription, pending: ChangeSubscription) -> None:
        """Store what was created, if it is still our turn; else delete it, or nobody would know of it."""
        try:
            await self._still_our_turn()
            await self._state.save_subscription(created, pending)
        except (_TurnLostError, StaleError):
            await self._delete(created.subscription_id)
            raise

    async def _ask_for(self, url: str, secret: Secret) -> GraphSubscription:
        await self._still_our_turn()
        address = url if url.startswith(_EVENT_GRID) else f"{url}?s={secrets.token_hex(4)}"
        expires = self._clock.now() + _LIFETIME
        try:
            return await self._graph.create_subscription(address, secret.client_state, expires)
        except RejectedError as error:
            if error.status != _CONFLICT:
                raise
        for item in await self._graph.subscriptions():
            if item.is_for(url):
                await self._still_our_turn()
                await self._delete(item.id)
        await self._still_our_turn()
        return await self._graph.create_subscription(address, secret.client_state, expires)

    async def _renew(self, url: str, known: ChangeSubscription) -> ChangeSubscription:
        try:
            renewed = await self._graph.renew_subscription(
                known.subscription_id, self._clock.now() + _LIFETIME
            )
        except NotFoundError:
            self._log.write(SubscriptionGone(subscription=known.subscription_id))
            return await self._create(url, known)
        kept = replace(known, expires_at=renewed.expires_at)
        await self._state.save_subscription(kept, known)
        self._log.write(
            SubscriptionRenewed(subscription=kept.subscription_id, expires=_end_of(kept))
        )
        return kept

    async def _delete(self, subscription_id: str) -> None:
        try:
            await self._graph.delete_subscription(subscription_id)
        except NotFoundError:
            return
        self._log.write(SubscriptionDeleted(subscription=subscription_id))


def _end_of(subscription: ChangeSubscription) -> str | None:
    return subscription.expires_at.isoformat() if subscription.expires_at else None


def _ending(known: tuple[Secret, ...], now: datetime) -> tuple[Secret, ...]:
    """Return the secrets, each with an expiry."""
    end = (now + _OLD_SECRET_LIVES).isoformat()
    return tuple(
        secret if secret.valid_until else replace(secret, valid_until=end) for secret in known
    )
