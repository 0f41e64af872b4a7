"""Reads a listing of users with Microsoft's SDK for Python, run by an interpreter of its own environment.

    python sdk_peer.py ORIGIN TOKEN FILTER PAGE

Prints the number of users and the CPU seconds, imports not counted. It imports nothing of the project.
"""

# mypy: ignore-errors
import asyncio
import json
import sys
import time

from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.tasks.page_iterator import PageIterator


class Bearer(AuthenticationProvider):
    """Sends one token."""

    def __init__(self, token):
        self.token = token

    async def authenticate_request(self, request, _context=None):
        """Add the token."""
        request.headers.add("Authorization", f"Bearer {self.token}")


async def main(origin, token, wanted, page):
    """Read all pages."""
    adapter = GraphRequestAdapter(Bearer(token))
    adapter.base_url = f"{origin}/v1.0"
    found = RequestConfiguration(
        query_parameters=UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
            select=["id"], top=int(page), count=True, filter=wanted
        )
    )
    found.headers.add("ConsistencyLevel", "eventual")
    client, ids = GraphServiceClient(request_adapter=adapter), []
    began = time.process_time()
    iterator = PageIterator(await client.users.get(found), adapter)
    iterator.headers.add("ConsistencyLevel", "eventual")
    await iterator.iterate(lambda user: ids.append(user.id) is None)
    print(json.dumps([len(ids), time.process_time() - began]))


asyncio.run(main(*sys.argv[1:]))
