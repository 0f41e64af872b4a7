"""The parts of host.json that this host follows.

Names, defaults and ranges: https://learn.microsoft.com/azure/azure-functions/functions-host-json
and .../functions-bindings-storage-queue#host-json. Sections of other extensions are ignored, as
the real host does when the extension is not loaded.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.host.errors import HostJsonError

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)")
_MAX_BATCH = 32
_MIN_POLLING_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """`extensions.queues`; times in seconds.

    The default of `new_batch_threshold` is half the batch size: the factor for more cores applies
    to App Service and Premium plans only.
    """

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_polling_interval: float = 60.0
    visibility_timeout: float = 0.0
    max_dequeue_count: int = 5


@dataclass(frozen=True, kw_only=True)
class HostJson:
    """What host.json says: the prefix of all HTTP routes and how queues are read."""

    route_prefix: str = "api"
    queues: QueueOptions = field(default_factory=QueueOptions)


def read_host_json(root: Path) -> HostJson:
    """Read `root`/host.json; raises `HostJsonError` naming the field and its value."""
    file = root / "host.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise HostJsonError(f"{file} does not exist: is this a function app?") from error
    except ValueError as error:
        raise HostJsonError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise HostJsonError(f'{file} must be an object with "version": "2.0"')
    extensions = _section(content, "extensions")
    prefix = _section(extensions, "http").get("routePrefix", "api")
    if not isinstance(prefix, str):
        raise HostJsonError(f"extensions.http.routePrefix must be a string, not {prefix!r}")
    return HostJson(
        route_prefix=prefix.strip("/"), queues=_queue_options(_section(extensions, "queues"))
    )


def time_span(text: object, name: str) -> float:
    """Seconds of a .NET time span such as `00:00:30` or `1.02:00:00`."""
    match = _TIME_SPAN.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise HostJsonError(f"{name} must be a time span such as '00:00:30', not {text!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _queue_options(queues: Mapping[str, Any]) -> QueueOptions:
    name = "extensions.queues"
    known = {"batchSize", "newBatchThreshold", "maxPollingInterval", "visibilityTimeout"}
    known |= {"maxDequeueCount", "messageEncoding"}
    if unknown := sorted(set(queues) - known):
        raise HostJsonError(f"{name}.{unknown[0]} is not a setting of the queues extension")
    if queues.get("messageEncoding", "base64") != "base64":
        raise HostJsonError(f"{name}.messageEncoding: the local host knows only 'base64'")
    batch_size = _integer(queues, "batchSize", 16, 1, _MAX_BATCH)
    interval = time_span(queues.get("maxPollingInterval", "00:01:00"), f"{name}.maxPollingInterval")
    if interval < _MIN_POLLING_SECONDS:
        raise HostJsonError(f"{name}.maxPollingInterval must be at least 00:00:00.100")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=_integer(queues, "newBatchThreshold", batch_size // 2, 0, None),
        max_polling_interval=interval,
        visibility_timeout=time_span(
            queues.get("visibilityTimeout", "00:00:00"), f"{name}.visibilityTimeout"
        ),
        max_dequeue_count=_integer(queues, "maxDequeueCount", 5, 1, None),
    )


def _integer(
    queues: Mapping[str, Any], key: str, default: int, least: int, most: int | None
) -> int:
    value = queues.get(key, default)
    good = isinstance(value, int) and not isinstance(value, bool)
    if not good or value < least or (most is not None and value > most):
        limits = f"from {least} to {most}" if most is not None else f"from {least} on"
        raise HostJsonError(
            f"extensions.queues.{key} must be a whole number {limits}, not {value!r}"
        )
    return int(value)


def _section(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = content.get(key, {})
    if not isinstance(section, dict):
        raise HostJsonError(f"{key} must be an object, not {section!r}")
    return section
