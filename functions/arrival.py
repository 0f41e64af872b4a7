"""When a message was put on its queue."""

from datetime import UTC, datetime

import azure.functions as func


def arrival(message: func.QueueMessage) -> datetime | None:
    """Return the time in UTC, by the queue's clock: the worker's library drops the offset `+00:00`."""
    at = message.insertion_time
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
