"""What Graph answers, against the schema derived from Microsoft's published metadata."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from local.tenant.directory.catalog import AUDIO_CONFERENCING
from local.tenant.graph.shapes import GETTERS
from tests.integration.local.tenant.support import Receiver, World, eventually

SCHEMA = Path(__file__).parents[6] / "shared" / "contracts" / "graph.schema.json"
pytestmark = pytest.mark.skipif(
    not SCHEMA.exists(), reason="the schema lies beside the repository, in shared/contracts"
)


def properties_of(schema: dict[str, Any], name: str) -> tuple[set[str], set[str]]:
    """The properties of a type and those that must not be null, with those it inherits."""
    known: set[str] = set()
    needed: set[str] = set()
    definition = schema["$defs"][name]
    for part in definition.get("allOf", [definition]):
        if "$ref" in part:
            inherited = properties_of(schema, part["$ref"].rpartition("/")[2])
            known |= inherited[0]
            needed |= inherited[1]
        else:
            known |= set(part.get("properties", {}))
            needed |= set(part.get("x-nonnullable", []))
    return known, needed


def check(name: str, value: dict[str, Any]) -> None:
    """The value has the type's shape, no property the type lacks, and no null where none may be."""
    schema = json.loads(SCHEMA.read_text())
    chosen = {**schema, "$ref": f"#/$defs/{name}"}
    Draft202012Validator(chosen, format_checker=FormatChecker()).validate(value)
    known, needed = properties_of(schema, name)
    own = {key for key in value if "@" not in key}
    assert own <= known, f"{name} has no {sorted(own - known)}"
    assert [key for key in own & needed if value[key] is None] == []


async def test_users(world: World) -> None:
    """Every property that can be selected, for every kind of user."""
    names = ",".join(GETTERS)
    for user in await world.all_pages(f"/users?$select={names}"):
        check("user", user)
    for user in await world.all_pages("/users"):
        check("user", user)


async def test_users_in_a_batch_and_in_a_delta(world: World) -> None:
    """The same shape wherever a user comes from."""
    users = [u["id"] for u in await world.users() if not u["deleted"]][:20]
    requests = [{"id": i, "method": "GET", "url": f"/users/{i}"} for i in users]
    batch = await world.graph("POST", "/$batch", json={"requests": requests})
    for response in batch.json()["responses"]:
        check("user", response["body"])
    for user in await world.all_pages("/users/delta?$select=id,assignedPlans,usageLocation"):
        check("user", user)


async def test_subscriptions_and_notifications(world: World, receiver: Receiver) -> None:
    """What a subscriber gets back and what it is sent."""
    body = {
        "changeType": "updated",
        "resource": "users",
        "notificationUrl": receiver.url,
        "expirationDateTime": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "clientState": "s",
    }
    made = (await world.graph("POST", "/subscriptions", json=body)).json()
    check("subscription", made)
    for listed in (await world.graph("GET", "/subscriptions")).json()["value"]:
        check("subscription", listed)
    user = await world.user("unlicensed")
    await world.assign(user["id"], AUDIO_CONFERENCING.id)
    await eventually(lambda: len(receiver.bodies) == 1)
    check("changeNotificationCollection", receiver.bodies[0])
    check("changeNotification", receiver.notifications[0])
