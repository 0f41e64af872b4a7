"""A table is made by the first who needs it, once, however many come at the same time."""

import asyncio
from typing import Any, cast

import pytest
from azure.core.exceptions import ResourceNotFoundError, ServiceResponseError

from shared.errors import StorageError
from shared.storage.lean_client import LeanTableClient
from shared.storage.tables import Table


class _Client:
    """What Table needs of the SDK's client; the first `refused` calls to make the table fail."""

    def __init__(self, refused: int = 0) -> None:
        self.asked = 0
        self._refused = refused

    async def create(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.asked <= self._refused:
            raise ServiceResponseError("away")

    async def read(self, *_: str) -> Any:
        raise ResourceNotFoundError


async def test_ten_at_once_make_it_once() -> None:
    """Nine wait for the first instead of asking as well."""
    client = _Client()
    table = Table(cast("LeanTableClient", client), "state")
    assert await asyncio.gather(*(table.get("p", "r") for _ in range(10))) == [None] * 10
    assert client.asked == 1


async def test_who_comes_after_a_failure_tries_again() -> None:
    """The failure is that of one caller alone."""
    client = _Client(refused=1)
    table = Table(cast("LeanTableClient", client), "state")
    with pytest.raises(StorageError, match="create in table state failed"):
        await table.get("p", "r")
    assert await table.get("p", "r") is None
    assert client.asked == 2
