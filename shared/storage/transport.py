"""The SDK's HTTP transport, with an end to every request.

The SDK limits connecting and each read (azure-core, "AioHttpTransport"), but not how long a request waits
for one of the connections, nor all of it. A request without an end keeps its user waiting, and all who wait
for that, as long as the process lives.
"""

import asyncio
from typing import Any
from urllib.request import getproxies_environment

from azure.core.exceptions import ServiceResponseTimeoutError
from azure.core.pipeline.transport import AioHttpTransport


class BoundedTransport(AioHttpTransport):  # type: ignore[misc]  # imported by name
    """Sends requests. timeout: seconds for connecting and for each read; a try takes twice as long at most.

    options: those of the SDK's transport.
    """

    def __init__(self, timeout: float, **options: Any) -> None:
        usual = {
            "connection_timeout": timeout,
            "read_timeout": timeout,
            # Without a proxy to find there, aiohttp would look for a .netrc at every request, in a thread.
            "use_env_settings": bool(getproxies_environment().keys() - {"no"}),
        }
        super().__init__(**usual | options)
        self._longest = 2 * timeout

    async def send(self, request: Any, **config: Any) -> Any:
        """Send a request and return the answer. AzureError: none, or not in time: the SDK tries again."""
        try:
            async with asyncio.timeout(self._longest):
                return await super().send(request, **config)
        except TimeoutError as error:
            raise ServiceResponseTimeoutError(f"no answer in {self._longest:g} s") from error
