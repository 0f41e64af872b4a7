"""Licenses over HTTP."""

from typing import Any

import pytest

from local.tenant.directory.catalog import AUDIO_CONFERENCING, MCOMEETADV, MICROSOFT_365_E5
from tests.integration.local.tenant.support import World

ADDON, E5 = AUDIO_CONFERENCING.id, MICROSOFT_365_E5.id


async def plan_status(world: World, user_id: str) -> str | None:
    """What Graph shows for the conferencing plan."""
    body = (await world.graph("GET", f"/users/{user_id}?$select=assignedPlans")).json()
    found = [p for p in body["assignedPlans"] if p["servicePlanId"] == MCOMEETADV.id]
    return found[0]["capabilityStatus"] if found else None


async def test_assigning_shows_at_once_in_graph(world: World) -> None:
    """The answer is the user, and the plan is Enabled."""
    user = await world.user("unlicensed")
    answer = await world.assign(user["id"], ADDON)
    assert (answer.status_code, answer.json()["id"]) == (200, user["id"])
    assert await plan_status(world, user["id"]) == "Enabled"


async def test_teams_follows_after_the_lag(world: World) -> None:
    """404 and no feature before, a conferencing user after."""
    user = (await world.users("unlicensed"))[1]
    await world.assign(user["id"], ADDON)
    early = await world.teams("GET", f"/Teams.User/users/{user['id']}")
    assert "AudioConferencing" not in early.json()["featureTypes"]
    refused = await world.teams("PUT", f"/Teams.Cpc/users/{user['id']}", json={})
    assert (refused.status_code, refused.json()["code"]) == (404, "NotAConferencingUser")
    await world.advance(11)
    late = await world.teams("GET", f"/Teams.User/users/{user['id']}")
    assert "AudioConferencing" in late.json()["featureTypes"]
    assert late.json()["acpInfo"][0]["name"] == "Microsoft"


async def test_a_disabled_plan_gives_no_license(world: World) -> None:
    """disabledPlans is respected."""
    user = await world.user("unlicensed")
    body = {
        "addLicenses": [{"skuId": E5, "disabledPlans": [MCOMEETADV.id]}],
        "removeLicenses": [],
    }
    answer = await world.graph("POST", f"/users/{user['id']}/assignLicense", json=body)
    assert answer.status_code == 200
    assert await plan_status(world, user["id"]) == "Deleted"
    shown = (await world.graph("GET", f"/users/{user['id']}?$select=assignedLicenses")).json()
    assert {"skuId": E5, "disabledPlans": [MCOMEETADV.id]} in shown["assignedLicenses"]


async def test_taking_a_license_away(world: World) -> None:
    """The plan stays listed as Deleted, the service follows after the lag."""
    user = await world.user("microsoft")
    shown = (await world.graph("GET", f"/users/{user['id']}?$select=assignedLicenses")).json()
    body = {"addLicenses": [], "removeLicenses": [d["skuId"] for d in shown["assignedLicenses"]]}
    await world.graph("POST", f"/users/{user['id']}/assignLicense", json=body)
    state = await world.control("GET", f"/users/{user['id']}")
    assert (state["licensed"], state["planStatus"]) == (False, "Deleted")
    await world.advance(11)
    gone = (await world.teams("GET", f"/Teams.User/users/{user['id']}")).json()
    assert (gone["acpInfo"] or [], "AudioConferencing" in (gone["featureTypes"] or [])) == (
        [],
        False,
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"addLicenses": []}, "removeLicenses"),
        ({"removeLicenses": []}, "addLicenses"),
        ({"addLicenses": [{"skuId": "nope"}], "removeLicenses": []}, "valid company License"),
        ({"addLicenses": ["nope"], "removeLicenses": []}, "valid company License"),
        ({"addLicenses": [], "removeLicenses": [ADDON]}, "corresponding license"),
        (
            {"addLicenses": [{"skuId": ADDON, "disabledPlans": ["x"]}], "removeLicenses": []},
            "service plans",
        ),
    ],
)
async def test_a_wrong_assignment_is_refused(world: World, body: Any, text: str) -> None:
    """400 Request_BadRequest, and nothing is assigned."""
    user = await world.user("unlicensed")
    answer = await world.graph("POST", f"/users/{user['id']}/assignLicense", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_BadRequest")
    assert text in answer.json()["error"]["message"]
    assert not (await world.user("unlicensed"))["licensed"]


async def test_a_user_without_usage_location_gets_no_license(world: World) -> None:
    """As in life; with a location it works."""
    user = await world.user("unlicensed")
    where = f"/users/{user['id']}"
    await world.graph("PATCH", where, json={"usageLocation": None})
    answer = await world.assign(user["id"], ADDON)
    assert answer.status_code == 400
    assert "usage location" in answer.json()["error"]["message"]
    await world.graph("PATCH", where, json={"usageLocation": "DE"})
    assert (await world.assign(user["id"], ADDON)).status_code == 200


async def test_reprocessing_answers_the_user(world: World) -> None:
    """Under its plain and its qualified name; unknown users are 404."""
    user = await world.user("no_provider")
    for name in ("reprocessLicenseAssignment", "microsoft.graph.reprocessLicenseAssignment"):
        answer = await world.graph("POST", f"/users/{user['id']}/{name}")
        assert (answer.status_code, answer.json()["id"]) == (200, user["id"])
    await world.advance(11)
    assert (await world.control("GET", f"/users/{user['id']}"))["provider"] == "Microsoft"
    missing = await world.graph("POST", "/users/nobody/reprocessLicenseAssignment")
    assert missing.status_code == 404
