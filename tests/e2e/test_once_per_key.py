"""Rule 4 for real: one Idempotency-Key, many calls at once, one mail with the PIN per user."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import TIME_LIMIT, Tenant

pytestmark = pytest.mark.third_parties


def test_five_calls_at_once_with_one_key(azurite_server: Azurite, folder: Path) -> None:
    """All five name the same run; it moves each user once and asks for at most one mail each."""
    settings = {"ACP_RECHECK_SCHEDULE": NEVER}
    with (
        Tenant(folder, users=200, seed=43) as tenant,
        System(azurite_server, tenant, folder, settings) as system,
        httpx.Client(base_url=f"{system.host.origin}/api", trust_env=False) as api,
    ):
        users = [tenant.take("third_party") for _ in range(30)]
        body = {"users": [user["id"] for user in users], "send_email": True}

        def ask(_: int) -> httpx.Response:
            key = {"Idempotency-Key": "once"}
            return api.post("/moves", json=body, headers=key, timeout=TIME_LIMIT)

        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(ask, range(5)))
        assert {answer.status_code for answer in answers} == {202}
        (where,) = {answer.headers["Location"].removeprefix("/api") for answer in answers}
        wait_until(
            lambda: api.get(where).json()["state"] == "finished", "the run's end", TIME_LIMIT
        )
        assert api.get(where).json()["counts"] == {"users": 30, "moved": 30}
        after = {user["id"]: user for user in tenant.users()}
        assert {after[user["id"]]["sets"] for user in users} == {1}
        assert {after[user["id"]]["mails"] - user["mails"] for user in users} == {1}
        asked = {row["RowKey"] for row in system.storage.rows("requests")}
        assert sum(key.startswith("x-mailed-") for key in asked) == 30
