"""Addresses of queues with a token, for stand-ins that have no identity."""

from datetime import UTC, datetime, timedelta

from azure.storage.queue import QueueClient, QueueSasPermissions, generate_queue_sas
from azure.storage.queue.aio import QueueClient as AsyncQueueClient


def sas_address(queue: QueueClient | AsyncQueueClient) -> str:
    """Return a queue's address with a token (SAS) that permits to add messages for a day."""
    token = generate_queue_sas(
        str(queue.account_name),
        queue.queue_name,
        queue.credential.account_key,
        permission=QueueSasPermissions(add=True),
        expiry=datetime.now(UTC) + timedelta(days=1),
    )
    return f"{queue.primary_endpoint.partition('?')[0]}?{token}"
