"""What becomes of a queue message that is none."""

import base64
import json
from typing import Any

import pytest

from tests.e2e.system import System
from tests.e2e.tenant import Tenant


@pytest.mark.third_parties
@pytest.mark.parametrize(
    ("spoiled", "field"),
    [
        ({"users": "not-a-guid"}, "users.1"),
        ({"cause": None}, "cause"),
        ({"version": 2}, "version"),
        ({"passcode": "1234567"}, "passcode"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_message_that_does_not_parse_is_poison_and_touches_nobody(
    system: System, tenant: Tenant, spoiled: dict[str, Any], field: str
) -> None:
    """It goes to the poison queue as it came, the log names the field, its good user is not moved."""
    user, before = tenant.any_user("third_party"), len(system.host.output)
    message = {"version": 1, "cause": "move_license_event", "users": [user["id"]]} | spoiled
    if "users" in spoiled:
        message["users"] = [user["id"], spoiled["users"]]
    text = json.dumps(message)
    with system.changing(), system.poisoning(base64.b64encode(text.encode()).decode()):
        system.storage.send(text)
    log = system.host.output[before:]
    assert f"queue message: {field}: " in log
    assert "1234567" not in log
    assert user["id"] not in log


def test_a_text_that_is_no_json_is_poison(system: System) -> None:
    """The log says that it is the whole text that is wrong."""
    before = len(system.host.output)
    with system.changing(), system.poisoning(base64.b64encode(b"move everybody").decode()):
        system.storage.send("move everybody")
    assert "queue message: the whole text: " in system.host.output[before:]


def test_a_text_that_is_not_base64_is_poison(system: System) -> None:
    """The host does not even start the function."""
    taken = system.host.messages_taken()
    with system.changing(), system.poisoning("%%% not base64 %%%"):
        system.storage.send_raw("%%% not base64 %%%")
    assert system.host.messages_taken() == taken


@pytest.mark.third_parties
def test_messages_behind_a_poisonous_one_are_handled(system: System, tenant: Tenant) -> None:
    """A bad message holds up nobody."""
    user = tenant.take("third_party")
    with system.changing(user):
        system.storage.send("move everybody")
        system.storage.queue_users(user["id"])
        system.wait_for(user, "moved")
