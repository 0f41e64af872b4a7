"""The local Functions host with the real app, as Graph and Event Grid call it."""

from typing import Any

import httpx

from local.commands import AppHost


class Host(AppHost):
    """A host, with the calls that come from outside."""

    def messages_taken(self) -> int:
        """How many messages `move_users` has taken so far."""
        return sum(self.counters("move_users").values())

    def health(self) -> httpx.Response:
        """What the health function answers."""
        return self.http.get("/api/health")

    def webhook(self, body: object = None, **request: Any) -> httpx.Response:
        """Post to the webhook, as Graph does: `body` as JSON, or whatever httpx takes."""
        if body is not None:
            request["json"] = body
        return self.http.post("/api/graph/notifications", **request)

    def event_grid(self, *events: object) -> httpx.Response:
        """Post CloudEvents, as Event Grid does."""
        return self.http.post(
            self.event_grid_url, headers={"aeg-event-type": "Notification"}, json=list(events)
        )

    @property
    def event_grid_url(self) -> str:
        """Where Event Grid delivers."""
        return f"{self.origin}/runtime/webhooks/EventGrid?functionName=license_events"
