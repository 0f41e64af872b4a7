"""Rule 4 for real: many calls at once, with one Idempotency-Key or several: one mail per user."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import TIME_LIMIT, Tenant

pytestmark = pytest.mark.third_parties


@pytest.mark.large  # the simulation has callers with one key in every universe
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
        assert {answer.status_code for answer in answers} == {202}, [each.text for each in answers]
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


@pytest.mark.large
def test_four_runs_at_once_over_the_same_users(azurite_server: Azurite, folder: Path) -> None:
    """Each with its own key and mails: one change and one mail per user, told by one run."""
    settings = {"ACP_RECHECK_SCHEDULE": NEVER}
    with (
        Tenant(folder, users=300, seed=44) as tenant,
        System(azurite_server, tenant, folder, settings) as system,
        httpx.Client(base_url=f"{system.host.origin}/api", trust_env=False) as api,
    ):
        users = [tenant.take("third_party") for _ in range(10)]
        users += [tenant.take("no_provider") for _ in range(2)]
        body = {"users": [user["id"] for user in users], "send_email": True}

        def run(number: int) -> Counter[str]:
            key = {"Idempotency-Key": f"run {number}"}
            answer = api.post("/moves", json=body, headers=key, timeout=TIME_LIMIT)
            where = answer.headers["Location"].removeprefix("/api")
            wait_until(
                lambda: api.get(where).json()["state"] == "finished", "the run's end", TIME_LIMIT
            )
            return Counter(api.get(where).json()["counts"])

        with ThreadPoolExecutor(4) as pool:
            counts = sum(pool.map(run, range(4)), Counter[str]())
        assert counts == {"users": 48, "moved": 12, "already_microsoft": 36}
        after = {user["id"]: user for user in tenant.users()}
        assert {after[user["id"]]["sets"] - user["sets"] for user in users} == {1}
        assert {after[user["id"]]["mails"] - user["mails"] for user in users} == {1}
