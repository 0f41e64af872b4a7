"""Event Grid's delivery into a Storage queue: one event per message.

Sources: "Storage queue as an event handler for Azure Event Grid events" (messages are base64) and "Put
Message", Queue Storage REST API. Event Grid signs in with an identity; here the address has a token (SAS).
"""

import base64
import json
from collections.abc import Mapping

import httpx

_VERSION = {"x-ms-version": "2021-12-02"}
_NEVER_EXPIRES = "-1"


async def put_message(http: httpx.AsyncClient, queue: str, event: Mapping[str, object]) -> bool:
    """Put an event into the queue at an address; return whether the queue has taken it."""
    text = base64.b64encode(json.dumps(event).encode()).decode()
    address = httpx.URL(queue)
    address = address.copy_with(path=f"{address.path}/messages")
    try:
        answer = await http.post(
            address.copy_add_param("messagettl", _NEVER_EXPIRES),
            content=f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>",
            headers=_VERSION,
            timeout=10.0,
        )
    except httpx.HTTPError:
        return False
    return answer.is_success
