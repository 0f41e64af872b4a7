"""Looks after the change subscription: without one Graph tells nothing.

Source: "subscription resource type" and "Receive change notifications through webhooks", Microsoft
Graph documentation.
"""

import secrets
from datetime import timedelta
from typing import Final

from shared.clients.graph import LONGEST_SUBSCRIPTION
from shared.clock import Clock
from shared.errors import NotFoundError, SettingsError
from shared.log import EventLog
from shared.services.ports import Directory, State
from shared.storage.state import SubscriptionState

_LIFETIME: Final = min(timedelta(days=7), LONGEST_SUBSCRIPTION)
_RENEW_BEFORE: Final = timedelta(days=5)


class Subscriber:
    """Creates the users subscription when absent and renews it well before its end."""

    def __init__(
        self, directory: Directory, state: State, url: str | None, clock: Clock, log: EventLog
    ) -> None:
        self._directory = directory
        self._state = state
        self._url = url
        self._clock = clock
        self._log = log

    async def keep(self) -> SubscriptionState:
        """Make sure there is a live subscription; return it.

        SettingsError: the app does not know its public address. ServiceError: Graph refused.
        """
        now = self._clock.now()
        known = await self._state.subscription()
        if known is None or not known.subscription_id or known.expires_at is None:
            return await self._create()
        if known.expires_at - now > _RENEW_BEFORE:
            return known
        try:
            renewed = await self._directory.renew_subscription(
                known.subscription_id, now + _LIFETIME
            )
        except NotFoundError:
            self._log.warning("subscription_gone", subscription=known.subscription_id)
            return await self._create()
        kept = SubscriptionState(known.client_state, renewed.id, renewed.expiration_date_time)
        await self._state.put_subscription(kept)
        self._log.info("subscription_renewed", subscription=kept.subscription_id)
        return kept

    async def _create(self) -> SubscriptionState:
        if self._url is None:
            raise SettingsError("ACP_PUBLIC_URL: missing, and WEBSITE_HOSTNAME is not set either")
        # The secret is stored first: Graph may notify before its answer to the creation arrives.
        pending = SubscriptionState(client_state=secrets.token_urlsafe(32))
        await self._state.put_subscription(pending)
        created = await self._directory.create_subscription(
            self._url, pending.client_state, self._clock.now() + _LIFETIME
        )
        kept = SubscriptionState(pending.client_state, created.id, created.expiration_date_time)
        await self._state.put_subscription(kept)
        self._log.info("subscription_created", subscription=kept.subscription_id)
        return kept
