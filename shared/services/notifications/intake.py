"""Check change notifications, and turn them into messages with the users to move.

A notification with a wrong secret, tenant or subscription is dropped without notice to the sender;
it is counted and logged without its content. Sources: "Receive change notifications through
webhooks" and "changeNotification resource type", Microsoft Graph documentation.
"""

import asyncio
import hmac
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.clock import Clock
from shared.domain.cloud_event import read_cloud_event
from shared.domain.messages import MoveMessage, move_messages
from shared.domain.run import Mode, Signal
from shared.domain.subscription import ChangeSubscription, Secret
from shared.errors import InputError, TooLargeError
from shared.services.ports import State
from shared.telemetry.events import NotificationsDropped, Notified
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, traced
from shared.text import canonical

LONGEST_BODY: Final = 1024 * 1024
"""Most bytes in a notification's body."""

MOST_NOTIFICATIONS: Final = 5_000
"""Most notifications in one body."""

LONGEST_TOKEN: Final = 4096
"""Most characters of a validation token: the address is public."""

_TRUST: Final = 10.0
_LOOK_UP_AGAIN: Final = 0.1
"""Seconds, see `NotificationIntake._secrets`."""

_REPORTED_EVERY: Final = 60.0
"""Seconds between two lines about dropped notifications; each counts all since the one before."""


class ResourceData(BaseModel):
    """The part of a notification that names the user.

    event_time: when it happened, if Graph says so; undocumented, so any value is accepted.
    """

    id: Annotated[str, AfterValidator(canonical)]
    event_time: Any = Field(None, validation_alias="eventTime")


class Notification(BaseModel):
    """A change notification: the fields that are read."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", hide_input_in_errors=True)

    subscription_id: str
    client_state: str = Field("", repr=False)
    tenant_id: str = Field(validation_alias=AliasChoices("tenantId", "organizationId"))
    lifecycle_event: str | None = None
    resource_data: ResourceData | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Result of a body: messages for the queue, their users, and drops by reason."""

    messages: list[MoveMessage]
    users: int
    dropped: Counter[str] = field(default_factory=Counter)
    renew: bool = False
    """Graph asks to renew the subscription (`reauthorizationRequired`)."""


class NotificationIntake:
    """Intake of notifications from the webhook and from Event Grid."""

    def __init__(
        self, state: State, tenant_id: str, mode: Mode, clock: Clock, log: EventLog
    ) -> None:
        self._state = state
        self._tenant_id = tenant_id
        self._mode = mode
        self._clock = clock
        self._log = log
        self._known: ChangeSubscription | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._dropped: Counter[str] = Counter()
        self._reported_at = float("-inf")

    async def webhook(self, body: bytes) -> Accepted:
        """Read the body of a webhook call. InputError: malformed; TooLargeError: too large."""
        if len(body) > LONGEST_BODY:
            raise TooLargeError(
                f"the body has {len(body)} bytes; at most {LONGEST_BODY} are accepted"
            )
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise InputError("the body is not JSON") from None
        items = content.get("value") if isinstance(content, dict) else None
        if not isinstance(items, list):
            raise InputError("field value: a list of notifications is needed")
        if len(items) > MOST_NOTIFICATIONS:
            raise TooLargeError(
                f"{len(items)} notifications; at most {MOST_NOTIFICATIONS} are accepted"
            )
        return await self.accept(items)

    async def event(self, text: str) -> Accepted:
        """Read one event, as Event Grid sent it: a CloudEvent, whose data has a notification's fields.

        Only its type and its data count; what is none, or no JSON, is dropped: it would come again.
        """
        try:
            data = read_cloud_event(text).notification
        except InputError:
            data = None
        return await self.accept([data])

    @traced
    async def accept(self, items: Sequence[Any]) -> Accepted:
        """Check each notification; return the queue messages for the users of those that are ours."""
        users: dict[str, None] = {}
        times: list[str] = []
        dropped: Counter[str] = Counter()
        renew = False
        for item in items:
            verdict = await self._check(item)
            if isinstance(verdict, str):
                dropped[verdict] += 1
            elif verdict.lifecycle_event:
                renew = True
            elif verdict.resource_data:
                users[verdict.resource_data.id] = None
                if isinstance(time := verdict.resource_data.event_time, str):
                    times.append(time)
            else:
                dropped["no_user"] += 1
        self._report(dropped)
        if users:
            self._log.write(Notified(users=len(users), lag_ms=self._lag(times)))
        messages = move_messages(
            Signal.LICENSE_EVENT, users, mode=self._mode, operation=current_id()
        )
        return Accepted(list(messages), len(users), dropped, renew)

    def _report(self, dropped: Counter[str]) -> None:
        """Log what was dropped, at most once a minute: a flood of forgeries must not fill the log."""
        self._dropped.update(dropped)
        now = self._clock.monotonic()
        if self._dropped and now - self._reported_at >= _REPORTED_EVERY:
            self._log.write(_dropped(self._dropped))
            self._dropped.clear()
            self._reported_at = now

    def _lag(self, event_times: Sequence[str]) -> int | None:
        """Return the milliseconds since the earliest time (ISO 8601, so that texts compare), or None."""
        try:
            earliest = datetime.fromisoformat(min(event_times))
            return round(1000 * (self._clock.now() - earliest).total_seconds())
        except (TypeError, ValueError, OverflowError):
            return None

    async def _check(self, item: Any) -> Notification | str:
        """Return the notification if it is ours, else the reason to drop it."""
        try:
            notification = Notification.model_validate(item)
        except ValidationError:
            return "malformed"
        if notification.tenant_id.casefold() != self._tenant_id:
            return "wrong_tenant"
        secrets = await self._secrets(notification.subscription_id)
        if not secrets:
            return "unknown_subscription"
        given = notification.client_state.encode(errors="surrogatepass")
        # Every secret is compared, each in constant time: timing reveals nothing.
        matches = [hmac.compare_digest(secret.client_state.encode(), given) for secret in secrets]
        return notification if any(matches) else "wrong_client_state"

    async def _secrets(self, subscription_id: str) -> list[Secret]:
        """Return the secrets that a notification of this subscription may carry now.

        Known secrets are cached for 10 s; an unknown subscription is looked up again, but at most
        ten times a second, so that a flood of forged notifications costs next to nothing.
        """
        found: list[Secret] = []
        for trusted in (_TRUST, _LOOK_UP_AGAIN):
            async with self._reading:
                if self._clock.monotonic() - self._read_at >= trusted:
                    self._known = await self._state.subscription()
                    self._read_at = self._clock.monotonic()
            now = self._clock.now()
            # Without an id yet, Graph has not answered yet: the secret alone decides.
            found = [
                secret
                for secret in (self._known.secrets if self._known else ())
                if secret.opens(subscription_id, now)
            ]
            if any(secret.subscription_id for secret in found):
                break
        return found


def _dropped(counts: Counter[str]) -> NotificationsDropped:
    return NotificationsDropped(
        malformed=counts["malformed"] or None,
        wrong_tenant=counts["wrong_tenant"] or None,
        unknown_subscription=counts["unknown_subscription"] or None,
        wrong_client_state=counts["wrong_client_state"] or None,
        no_user=counts["no_user"] or None,
    )
