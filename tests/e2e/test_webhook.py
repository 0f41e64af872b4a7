"""What the webhook does with bad input, forged notifications and repeated ones."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.system import System
from tests.e2e.tenant import Tenant


@pytest.mark.parametrize(
    "token",
    [
        "Validation: Testing client application reachability for subscription Request-Id: 7f3a",
        "<script>alert('x')</script>",
        "a+b%20c&d=e/ü?#",
        "x" * 4096,
    ],
    ids=["as Graph sends it", "a script", "special characters", "the longest"],
)
def test_the_handshake_echoes_the_token_as_plain_text(system: System, token: str) -> None:
    """The URL-decoded token comes back, as text that no browser takes for a page."""
    with system.queueing_nothing():
        answer = system.host.webhook(params=f"validationToken={quote(token, safe='')}")
    assert (answer.status_code, answer.text) == (200, token)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_token_that_is_too_long_is_refused(system: System) -> None:
    """Anybody can call the address, so the echo is bounded."""
    answer = system.host.webhook(params={"validationToken": "x" * 4097})
    assert (answer.status_code, answer.text) == (400, "validationToken is too long\n")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"value": [', "the body is not JSON"),
        (b"", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "field value: a list of notifications is needed"),
        (b'{"value": {}}', "field value: a list of notifications is needed"),
    ],
    ids=["cut off", "empty", "not text", "nested deep", "a list", "no list"],
)
def test_a_malformed_body_is_refused_in_one_line(system: System, body: bytes, reason: str) -> None:
    """400, and one line that says why."""
    with system.queueing_nothing():
        answer = system.host.webhook(content=body)
    assert (answer.status_code, answer.text) == (400, f"{reason}\n")


@pytest.mark.third_parties
def test_a_body_over_one_mebibyte_is_refused(system: System, tenant: Tenant) -> None:
    """413 for 1 MiB and one byte, whatever is in it."""
    notification = system.notification(tenant.any_user("third_party"))
    with system.changing(), system.queueing_nothing():
        answer = system.host.webhook({"value": [notification], "rest": "x" * (1024 * 1024)})
    assert answer.status_code == 413
    assert answer.text.count("\n") == 1


@pytest.mark.third_parties
@pytest.mark.parametrize(
    "spoiled",
    [
        {"clientState": "guessed-client-state"},
        {"clientState": ""},
        {"tenantId": "00000000-0000-4000-8000-000000000001"},
        {"subscriptionId": "00000000-0000-4000-8000-000000000002"},
        {"resourceData": {"id": "not-a-guid-but-a-secret"}},
    ],
    ids=["secret", "no secret", "tenant", "subscription", "user"],
)
def test_a_forged_notification_is_dropped_without_a_sign(
    system: System, tenant: Tenant, spoiled: dict[str, Any]
) -> None:
    """The caller gets the same 202 as Graph; nothing is queued; the log has none of the content."""
    user, before = tenant.any_user("third_party"), len(system.host.output)
    genuine = system.host.webhook({"value": []})
    with system.changing(), system.queueing_nothing():
        answer = system.host.webhook({"value": [system.notification(user, **spoiled)]})
    assert answer.status_code == genuine.status_code == 202
    assert answer.content == genuine.content == b""
    log = system.host.output[before:]
    assert log.count("notifications_dropped") <= 1
    assert "notifications_dropped" in system.host.output, "logged once a minute, with a count"
    values = [str(value) for value in spoiled.values() if value]
    content = [*values, "not-a-guid-but-a-secret", user["id"], user["userPrincipalName"]]
    assert not [text for text in content if text in log]


@pytest.mark.third_parties
def test_a_forged_notification_does_not_spoil_the_genuine_one_beside_it(
    system: System, tenant: Tenant
) -> None:
    """Two notifications in one body: the one with the right secret moves its user, only that one."""
    user, other = tenant.take("third_party"), tenant.any_user("third_party")
    forged = system.notification(other, clientState="guessed-client-state")
    with system.changing(user):
        system.host.webhook({"value": [forged, system.notification(user)]})
        system.wait_for(user, "moved")


@pytest.mark.third_parties
def test_a_notification_that_comes_five_times_makes_one_change(
    system: System, tenant: Tenant
) -> None:
    """Five at once, each with the user twice: one change, one saved record."""
    user = tenant.take("third_party")
    body = {"value": [system.notification(user)] * 2}
    with system.changing(user), ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: system.host.webhook(body), range(5)))
        system.wait_until_idle()
    assert [answer.status_code for answer in answers] == [202] * 5
    assert tenant.user(user["id"])["sets"] == 1
    assert system.storage.saved(user["id"]) == [user["entries"]]
