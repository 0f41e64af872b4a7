"""The console without a browser, in every world: each page that shows something answers."""

import re
from collections.abc import Iterator

import httpx
import pytest

from functions.console.door import PAGES
from local.waiting import wait_until
from local.worlds import World
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT, WORLD, Tenant

TOLL = "Default toll number"


@pytest.fixture(scope="module")
def console(system: System) -> Iterator[httpx.Client]:
    """A client that is signed in by the printed address."""
    base = f"{system.host.origin}/api/console"
    with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
        entered = client.get("/enter", params={"token": system.settings["ACP_CONSOLE_TOKEN"]})
        # A cookie that is only for https; browsers send it to this machine all the same.
        client.headers["Cookie"] = entered.headers["Set-Cookie"].partition(";")[0]
        yield client


@pytest.mark.parametrize(
    "path", sorted(path for verb, path in PAGES if verb == "GET" and "*" not in path)
)
def test_a_page_answers(console: httpx.Client, tenant: Tenant, path: str) -> None:
    """Every page without a user or run in its address, whatever the service tells and takes."""
    found = path == "user"
    named = {"name": tenant.take("microsoft")["userPrincipalName"]} if found else None
    assert console.get(f"/{path}", params=named).status_code == (303 if found else 200)


def test_a_user_s_page_offers_what_can_be_set(console: httpx.Client, tenant: Tenant) -> None:
    """Numbers of the tenant's bridges, or in documented mode why nothing can be set."""
    page = console.get(f"/users/{tenant.take('microsoft')['id']}")
    assert page.status_code == 200
    documented = WORLD is World.DOCUMENTED
    assert (TOLL in page.text, "ACP_TEAMS_API is documented" in page.text) == (
        not documented,
        documented,
    )


def test_a_run_is_cancelled(console: httpx.Client, system: System, tenant: Tenant) -> None:
    """With the reason, and again without harm; one that has ended meanwhile is shown as it ended."""
    users = [tenant.take("microsoft")["id"] for _ in range(3)]
    faults = f"{tenant.origin}/_tenant/faults"
    httpx.put(faults, json={"slow_answers": 1.0, "slow_seconds": 1.0}, trust_env=False)
    begun = system.host.http.post("/api/moves", json={"users": users}).raise_for_status().json()
    path = f"/runs/{begun['id']}"
    assert "Cancel this run" in console.get(path).text
    form, origin = {"key": "one", "note": "the wrong list"}, {"Origin": system.host.origin}
    answers = [console.post(f"{path}/cancel", data=form, headers=origin) for _ in range(2)]
    httpx.delete(faults, trust_env=False)
    assert [each.status_code for each in answers] == [303, 303]
    shown = console.get(path).text
    assert ("the wrong list" in shown, "Cancel this run" in shown) == (True, False)

    ended = system.host.http.post("/api/moves", json={"users": users[:1]}).json()["id"]
    wait_until(
        lambda: system.host.http.get(f"/api/runs/{ended}").json()["state"] == "finished",
        "the run has ended",
        TIME_LIMIT,
    )
    late = console.post(f"/runs/{ended}/cancel", data={**form, "key": "two"}, headers=origin)
    assert (late.status_code, "there is nothing to cancel" in late.text) == (409, True)
    assert not re.search(r"</\w+>0<", late.text), "a count that is zero is no part of the page"


def test_who_reads_conference_ids_is_recorded(
    console: httpx.Client, system: System, tenant: Tenant
) -> None:
    """Each page that shows them leaves a row that says who read them."""
    user = tenant.take("microsoft")["id"]

    def readings() -> int:
        rows = system.storage.rows("state")
        return sum(
            row["PartitionKey"] == "actions" and "conference IDs" in str(row) for row in rows
        )

    before = readings()
    origin = {"Origin": system.host.origin}
    assert (
        console.post(f"/users/{user}/saved", data={"key": "1"}, headers=origin).status_code == 200
    )
    assert readings() == before + 1
