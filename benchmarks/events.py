"""Change notifications as benchmarks send them: the subscription's, about any user."""

import base64
import json
import uuid
from typing import Any

from azure.storage.queue import QueueClient

from benchmarks.stack import Stack


def envelope(system: Stack) -> dict[str, str]:
    """Return what all notifications of the app's subscription have in common."""
    subscription, secret = system.subscription()
    return {
        "subscriptionId": subscription,
        "clientState": secret,
        "tenantId": system.tenant.id,
        "subscriptionExpirationDateTime": "2099-01-01T00:00:00Z",
        "changeType": "updated",
    }


def notification(common: dict[str, str], user: str = "") -> dict[str, Any]:
    """Return a notification about a user; "": about nobody whom the tenant knows."""
    user = user or str(uuid.uuid4())
    data = {
        "@odata.type": "#Microsoft.Graph.User",
        "@odata.id": f"Users/{user}",
        "id": user,
        "organizationId": common["tenantId"],
    }
    return {**common, "id": str(uuid.uuid4()), "resource": f"Users/{user}", "resourceData": data}


def put_event(queue: QueueClient, common: dict[str, str], user: str) -> None:
    """Put a notification onto a queue as Event Grid does: a CloudEvent, base64."""
    event = {
        "id": str(uuid.uuid4()),
        "type": "Microsoft.Graph.UserUpdated",
        "source": f"/tenants/{common['tenantId']}/applications/{uuid.uuid4()}",
        "subject": f"Users/{user}",
        "specversion": "1.0",
        "data": notification(common, user),
    }
    queue.send_message(base64.b64encode(json.dumps(event).encode()).decode(), time_to_live=-1)


def ready_users(system: Stack) -> list[str]:
    """Return the ids of the licensed, included users who are not on Microsoft."""
    users = system.tenant.control("GET", "state")["users"]
    return [
        str(user["id"])
        for user in users
        if user["licensed"] and user["included"] and user["provider"] != "Microsoft"
    ]
