"""The SDK's HTTP transport, with an end to every request.

The SDK limits connecting and each read (azure-core, "AioHttpTransport"), but not how long a request waits
for one of the connections, nor all of it. A request without an end keeps its user waiting, and all who wait
for that, as long as the process lives.
"""

import asyncio
from typing import Any

from azure.core.exceptions import ServiceResponseTimeoutError
from azure.core.pipeline.transport import AioHttpTransport


class BoundedTransport(AioHttpTransport):  # type: ignore[misc]  # imported by name
    """Sends requests. longest: seconds for one try, its wait for a connection included.

    options: those of the SDK's transport.
    """

    def __init__(self, longest: float, **options: Any) -> None:
        super().__init__(**options)
        self._longest = longest

    async def send(self, request: Any, **config: Any) -> Any:
        """Send a request and return the answer. AzureError: none, or not in time: the SDK tries again."""
        try:
            async with asyncio.timeout(self._longest):
                return await super().send(request, **config)
        except TimeoutError as error:
            raise ServiceResponseTimeoutError(f"no answer in {self._longest:g} s") from error
