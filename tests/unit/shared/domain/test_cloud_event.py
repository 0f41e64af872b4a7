"""CloudEvents: what is read of them, and what is none."""

import json
from typing import Any

import pytest

from shared.domain.cloud_event import CloudEvent, read_cloud_event
from shared.errors import InputError

EVENT = {"specversion": "1.0", "type": "Microsoft.Graph.UserUpdated", "data": {"tenantId": "t"}}


def test_type_and_data_are_read() -> None:
    """Whatever else an event carries, or lacks."""
    text = json.dumps({**EVENT, "id": None, "time": "yesterday", "self": 7})
    assert read_cloud_event(text) == CloudEvent("Microsoft.Graph.UserUpdated", {"tenantId": "t"})
    assert read_cloud_event(text.encode()) == read_cloud_event(text)


@pytest.mark.parametrize(
    ("kind", "lifecycle"),
    [
        ("Microsoft.Graph.SubscriptionReauthorizationRequired", "reauthorizationRequired"),
        ("microsoft.graph.subscriptionReauthorizationRequired", "reauthorizationRequired"),
        ("Microsoft.Graph.UserUpdated", None),
        (7, None),
    ],
)
def test_a_lifecycle_event_is_known_by_its_type(kind: Any, lifecycle: str | None) -> None:
    """Its notification says so; that of any other event is its data as it is."""
    found = CloudEvent(kind, {"tenantId": "t"}).notification
    assert found == {"tenantId": "t"} | ({"lifecycleEvent": lifecycle} if lifecycle else {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "JSON is expected"),
        ("move everybody", "JSON is expected"),
        (b"\xff\xfe\x00", "JSON is expected"),
        ("[" * 100_000, "JSON is expected"),
        ("null", "one JSON object is expected"),
        (json.dumps([EVENT, EVENT]), "one JSON object is expected"),
        ('{"version": 1, "cause": "move_sweep", "users": []}', "specversion: 1.0 is expected"),
        (json.dumps({**EVENT, "specversion": "0.3"}), "specversion: 1.0 is expected"),
        (json.dumps({**EVENT, "specversion": 1.0}), "specversion: 1.0 is expected"),
        (json.dumps({"id": "1", "eventType": "x", "data": {}}), "CloudEvents 1.0"),
    ],
)
def test_what_is_none_is_refused_with_its_reason(text: str | bytes, reason: str) -> None:
    """No JSON, no object, several at once, another schema or version: the error repeats nothing of it."""
    with pytest.raises(InputError, match=reason) as caught:
        read_cloud_event(text)
    assert str(caught.value).startswith("event: ")
    assert "everybody" not in str(caught.value)
