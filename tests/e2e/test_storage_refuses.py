"""Rule 1 for real: what is not saved is not replaced. The tables refuse, the rest is as ever."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.proxy import BUSY, Forward, Proxy, Reply, Request, let_through
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant

pytestmark = pytest.mark.third_parties


@pytest.fixture(scope="module")
def tables(azurite_server: Azurite) -> Iterator[Proxy]:
    """The way to the tables of Azurite; a test sets its rule."""
    address = urlsplit(azurite_server.endpoint("table"))
    with Proxy(f"http://{address.netloc}") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, tables: Proxy, folder: Path) -> Iterator[System]:
    """An app whose tables lie behind that proxy; its queue is Azurite's own."""
    address = urlsplit(azurite_server.endpoint("table"))
    connection = azurite_server.connection_string.replace(
        f"{address.scheme}://{address.netloc}", tables.origin
    )
    with (
        Tenant(folder, users=40, seed=9) as tenant,
        System(azurite_server, tenant, folder, connection=connection) as system,
    ):
        yield system


def test_when_the_entries_cannot_be_saved_the_provider_stays(system: System, tables: Proxy) -> None:
    """Only `replacedproviders` refuses: failed with that reason, nothing set; later it is moved."""
    user, writes = system.tenant.take("third_party"), system.tenant.writes()

    def refuse_saving(request: Request, forward: Forward) -> Reply:
        saving = request.method != "GET" and "replacedproviders" in request.target
        return REFUSAL if saving else forward(request)

    tables.rule = refuse_saving
    with system.changing():
        system.storage.queue_users(user["id"])
        assert system.wait_for(user, "failed") == user
    assert system.tenant.writes() == writes
    row = system.storage.row("waiting", user["id"])
    assert row
    assert "replacedproviders failed" in row["reason"]

    tables.rule = let_through
    with system.changing(user):
        assert system.wait_for(user, "moved")["provider"] == MICROSOFT
    assert system.storage.saved(user["id"]) == [user["entries"]]


def test_when_no_table_answers_the_users_come_again_later(system: System, tables: Proxy) -> None:
    """Every table refuses: nothing is set, the users wait in the queue, and nothing is poison."""
    user, writes = system.tenant.take("third_party"), system.tenant.writes()
    tables.rule = lambda _request, _forward: REFUSAL
    before = len(system.host.output)
    system.storage.queue_users(user["id"])
    wait_until(
        lambda: "users=1 retries=1 reason=" in system.host.output[before:],
        "the user was sent again",
        TIME_LIMIT,
    )
    assert system.tenant.user(user["id"]) == user
    assert system.tenant.writes() == writes
    # Their first message leaves the queue only after the new one is there.
    wait_until(lambda: system.storage.queued() == 1, "the new message alone", TIME_LIMIT)

    tables.rule = let_through
    system.storage.queue_users(user["id"])
    assert system.wait_for(user, "moved")["provider"] == MICROSOFT
    assert system.storage.saved(user["id"]) == [user["entries"]]
    assert system.storage.poisoned() == []


@pytest.mark.large
def test_a_busy_table_makes_no_user_fail(azurite_server: Azurite, tmp_path: Path) -> None:
    """Rule 5: writes to `users` answer 503 for a minute: all are recorded, none in attention."""
    address = urlsplit(azurite_server.endpoint("table"))
    with Proxy(f"http://{address.netloc}") as tables, Tenant(tmp_path, users=170, seed=9) as tenant:
        connection = azurite_server.connection_string.replace(
            f"{address.scheme}://{address.netloc}", tables.origin
        )
        with System(azurite_server, tenant, tmp_path, connection=connection) as system:
            users = [tenant.take("third_party") for _ in range(20)]
            ends = time.monotonic() + 60

            def busy(request: Request, forward: Forward) -> Reply:
                writing = (
                    request.method != "GET" and f"{system.storage.name}users(" in request.target
                )
                return BUSY if writing and time.monotonic() < ends else forward(request)

            tables.rule = busy
            system.storage.queue_users(*(user["id"] for user in users))
            wait_until(
                lambda: len(system.storage.outcomes()) == len(users), "all are recorded", 300
            )
            assert set(system.storage.outcomes().values()) == {"moved"}
            assert {tenant.user(user["id"])["sets"] for user in users} == {1}
            assert system.storage.rows("waiting") == []
            assert system.storage.poisoned() == []


REFUSAL = Reply(
    403,
    {"Content-Type": "application/json"},
    b'{"odata.error": {"code": "AuthorizationFailure", "message": {"value": "refused"}}}',
)
"""What Azure Tables answers to an account that may not write."""
