"""Upgrade for real: what version 6a26332 left in tables and queue is read; nobody is lost or moved by it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT, Tenant, User

pytestmark = pytest.mark.third_parties


def old_row(user: User, partition: str) -> dict[str, Any]:
    """A row of table `waiting` as that version wrote it; who needed attention had no due time."""
    ago = datetime.now(UTC) - timedelta(hours=2)
    row = {
        "PartitionKey": partition,
        "RowKey": user["id"],
        "upn": "",
        "cause": "failure",
        "reason": "HTTP 403",
        "since": ago,
        "looked_at": ago,
        "attempt": 2,
        "failures": 2,
        "reprocessed": False,
        "operation": "",
    }
    return row | ({"due": ago} if partition == "due" else {})


def test_rows_move_over_and_messages_change_nobody(azurite_server: Azurite, folder: Path) -> None:
    """Old rows of both lists come due and their users settle; an old message is only a look."""
    with Tenant(folder, users=60, seed=51) as tenant:
        waits, attention, queued = (tenant.take("third_party") for _ in range(3))
        with System(azurite_server, tenant, folder) as system:
            with system.changing():
                message = {"version": 1, "cause": "sweep", "users": [queued["id"]]}
                system.storage.send(message | {"run": "20261123T020000Z-sweep-1f2e3d4c"})
                assert system.wait_for(queued, "would_move") == queued
            with system.changing(waits, attention):
                system.storage.put("waiting", old_row(waits, "due"))
                system.storage.put("waiting", old_row(attention, "attention"))
                for user in (waits, attention):
                    system.wait_for(user, "moved")
            wait_until(lambda: not system.storage.rows("waiting"), "the rows are gone", TIME_LIMIT)
            assert system.storage.poisoned() == []
