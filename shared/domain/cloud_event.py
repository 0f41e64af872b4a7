"""CloudEvents of Graph's partner topic: a change notification, wrapped.

Only the type and the data of an event count. Sources: "CloudEvents 1.0" (specversion is required) and
"Receive Microsoft Graph API change events through Azure Event Grid", Azure Event Grid documentation.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import InputError

_REAUTHORIZE: Final = "reauthorizationRequired"


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """An event. type and data: as they came, neither is checked."""

    type: Any
    data: Any

    @property
    def notification(self) -> Any:
        """The change notification in it, if it is one: a lifecycle event is known by its type."""
        if isinstance(self.data, dict) and _REAUTHORIZE.casefold() in str(self.type).casefold():
            return {"lifecycleEvent": _REAUTHORIZE, **self.data}
        return self.data


def read_cloud_event(text: str | bytes) -> CloudEvent:
    """Read one event. InputError: it is no CloudEvent 1.x; says why and repeats nothing of it."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("event: the whole text: JSON is expected") from None
    if not isinstance(content, dict):
        raise InputError("event: the whole text: one JSON object is expected, a CloudEvent")
    version = content.get("specversion")
    if not isinstance(version, str) or not version.startswith("1."):
        raise InputError(
            "event: specversion: 1.0 is expected; set the event subscription's schema to CloudEvents 1.0"
        )
    return CloudEvent(content.get("type"), content.get("data"))
