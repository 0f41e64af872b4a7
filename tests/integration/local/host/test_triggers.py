"""The sample app under `acp host`, seen from outside: HTTP, queues, timers, Event Grid."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local.waiting import wait_until
from tests.integration.local.host.conftest import SampleHost

WEBHOOK = "/runtime/webhooks/EventGrid"
NOTIFICATION = {"aeg-event-type": "Notification"}


def event(**data: object) -> dict[str, Any]:
    """One event of the Event Grid schema."""
    return {
        "id": "1",
        "topic": "t",
        "subject": "s",
        "eventType": "Sample.Event",
        "eventTime": "2026-11-23T10:00:00.1234567Z",
        "data": data,
        "dataVersion": "1",
    }


def test_http_function_gets_route_query_headers_and_answers(host: SampleHost) -> None:
    """Route parameters, joined query values and headers arrive; status and headers come back."""
    answer = host.http.get("/API/Items/5/Bob?q=1&q=2&empty=", headers={"X-Sample": "yes"})
    assert answer.status_code == 203
    assert answer.headers["x-answer"] == "yes"
    assert answer.headers["content-type"] == "application/json"
    assert answer.cookies["a"] == "b"
    shown = answer.json()
    assert shown["route"] == {"id": "5", "name": "Bob"}
    assert shown["query"] == {"q": "1,2"}
    assert shown["header"] == "yes"
    assert shown["cwd"] == "sample_app"


def test_functions_run_in_the_workers_event_loop(host: SampleHost) -> None:
    """The real worker uses uvloop, and so does this host wherever it can be installed."""
    expected = "uvloop" if find_spec("uvloop") else "asyncio"
    assert host.http.get("/api/items/5").json()["loop"].partition(".")[0] == expected


def test_empty_rest_of_a_route_is_absent(host: SampleHost) -> None:
    """A `{*rest}` for which the path has nothing is not in route_params."""
    assert host.http.get("/api/items/5").json()["route"] == {"id": "5"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/items"), ("POST", "/api/items/5"), ("GET", "/items/5"), ("GET", "/")],
)
def test_no_such_route_is_404(host: SampleHost, method: str, path: str) -> None:
    """A path, a method or a prefix that does not fit is no route at all."""
    assert host.http.request(method, path).status_code == 404


def test_a_body_that_is_too_large_is_413(new_host: Callable[..., SampleHost]) -> None:
    """The host refuses it before the function sees it, also when its length is not announced."""
    with new_host(FUNCTIONS_REQUEST_BODY_SIZE_LIMIT="1000") as host:
        statuses = [
            host.http.put("/api/echo", content=body).status_code
            for body in (b"x" * 1_000, b"x" * 1_001, iter([b"x" * 600] * 2))
        ]
    assert statuses == [200, 413, 413]


def test_bodies_are_bytes_both_ways(host: SampleHost) -> None:
    """A body passes through unchanged, whatever it is."""
    assert host.http.put("/api/echo", content=b"\x00\xff{").content == b"\x00\xff{"


def test_failed_http_function_is_an_empty_500(host: SampleHost) -> None:
    """The caller learns nothing; the log has the traceback, and no body of the request."""
    answer = host.http.post("/api/broken", content=b"very secret body", headers={"X-S": "hidden"})
    assert (answer.status_code, answer.content) == (500, b"")
    log = host.output
    assert "RuntimeError: broken on purpose" in log
    assert "broken failed in" in log
    assert "very secret body" not in log
    assert "hidden" not in log


def test_list_output_is_one_base64_message_an_item(host: SampleHost) -> None:
    """func.Out[List[str]] puts each text on the queue, base64 as queue triggers expect it."""
    texts = [f"ünit {number}" for number in range(20)]
    assert host.http.post("/api/spread", json=texts).status_code == 200
    assert sorted(host.bodies("spread", 20)) == sorted(texts)


def test_processed_message_is_deleted(host: SampleHost) -> None:
    """A message that succeeded is gone, and not only invisible."""
    host.send("work", "ok-delete")
    assert host.note(body="ok-delete")["dequeue_count"] == 1
    work = host.queue("work")
    wait_until(lambda: work.get_queue_properties().approximate_message_count == 0, "an empty queue")


def test_failing_message_lands_in_poison(host: SampleHost) -> None:
    """After maxDequeueCount failures the message is moved to the poison queue as it was."""
    before = host.counters("work")["failed"]
    host.send("work", "fail")
    assert host.bodies("work-poison", 1) == ["fail"]
    assert host.counters("work")["failed"] - before == 3
    assert "RuntimeError: failed on purpose" in host.output


def test_message_that_is_not_base64_goes_to_poison_without_a_run(host: SampleHost) -> None:
    """A plain text never reaches the function; others in its page do."""
    before = host.counters("sync_work")
    host.queue("sync").send_message("not base64!")
    assert wait_until(lambda: host.receive("sync-poison"), "a message in poison") == ["not base64!"]
    assert host.counters("sync_work") == before


def test_messages_run_at_the_same_time(host: SampleHost) -> None:
    """Messages run in parallel, also of functions that are not async.

    Three: with newBatchThreshold 2 a fourth waits when the listener happens to take three first.
    """
    for _ in range(3):
        host.send("sync", "3")
    host.note(body="together")
    wait_until(lambda: host.counters("sync_work")["succeeded"] >= 3, "three runs")
    assert host.counters("sync_work")["failed"] == 0


def test_queue_created_again_when_it_was_deleted(host: SampleHost) -> None:
    """The listener makes its queue again, so that nobody has to restart the host."""
    host.queue("work").delete_queue()

    def sent() -> bool:
        try:
            host.send("work", "after the loss")
        except ResourceNotFoundError:
            return False
        return True

    wait_until(sent, "the queue again")
    host.note(body="after the loss")


def test_timers_run_at_the_start_and_by_schedule(host: SampleHost) -> None:
    """runOnStartup runs at once, and a schedule repeatedly."""
    host.note(body="at start")
    wait_until(lambda: host.counters("tick")["succeeded"] >= 2, "two ticks")
    assert host.note(body="tick")["past_due"] is False


def test_function_run_by_hand(host: SampleHost) -> None:
    """POST /admin/functions runs a timer now: 202, or with wait=true its outcome."""
    before = host.counters("at_start")["succeeded"]
    assert host.http.post("/admin/functions/at_start", json={"input": ""}).status_code == 202
    waited = host.http.post("/admin/functions/AT_START?wait=true")
    assert waited.status_code == 200
    wait_until(lambda: host.counters("at_start")["succeeded"] == before + 2, "two more runs")
    failed = host.http.post("/admin/functions/failing_timer?wait=true", json={})
    assert failed.status_code == 500
    assert "timer failed on purpose" in failed.json()["error"]


def test_queue_and_event_functions_run_by_hand_with_an_input(host: SampleHost) -> None:
    """The input is the message's body, or one event."""
    run = "/admin/functions/{}?wait=true"
    assert host.http.post(run.format("work"), json={"input": "by hand"}).status_code == 200
    host.note(body="by hand")
    answer = host.http.post(run.format("on_event"), json={"input": json.dumps(event(by="hand"))})
    assert answer.status_code == 200
    assert host.note(body="event", data={"by": "hand"})


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("nosuch", b"{}", 404),
        ("echo", b"{}", 400),
        ("tick", b"[]", 400),
        ("tick", b"{", 400),
        ("on_event", b'{"input": "3"}', 400),
    ],
)
def test_bad_run_by_hand_is_refused(
    host: SampleHost, name: str, content: bytes, status: int
) -> None:
    """Unknown functions, HTTP functions and unreadable bodies are not run."""
    assert host.http.post(f"/admin/functions/{name}", content=content).status_code == status


def test_event_grid_validation(host: SampleHost) -> None:
    """The handshake gives the code back."""
    answer = host.http.post(
        WEBHOOK,
        params={"functionName": "on_event"},
        headers={"aeg-event-type": "SubscriptionValidation"},
        json=[event(validationCode="code-7", validationUrl="https://x")],
    )
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "code-7"})


def test_cloud_events_handshake(host: SampleHost) -> None:
    """OPTIONS with an origin is answered with that origin."""
    answer = host.http.options(
        WEBHOOK,
        params={"functionName": "on_event"},
        headers={"WebHook-Request-Origin": "eventgrid.azure.net"},
    )
    assert answer.status_code == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"


def test_event_grid_events_of_an_array_all_run(host: SampleHost) -> None:
    """Each event of the array is one invocation, and 202 says that all succeeded."""
    answer = host.http.post(
        WEBHOOK.lower(),
        params={"functionName": "On_Event"},
        headers=NOTIFICATION,
        json=[event(n=1), event(n=2)],
    )
    assert answer.status_code == 202
    host.note(body="event", data={"n": 1})
    host.note(body="event", data={"n": 2}, type="Sample.Event")


def test_one_failing_event_fails_the_array(host: SampleHost) -> None:
    """500 makes Event Grid send the whole array again; the other events did run."""
    answer = host.http.post(
        WEBHOOK,
        params={"functionName": "on_event"},
        headers=NOTIFICATION,
        json=[event(n=3), event(fail=True), event(n=4)],
    )
    assert answer.status_code == 500
    host.note(body="event", data={"n": 3})
    host.note(body="event", data={"n": 4})


def test_cloud_events_need_no_event_grid_header(host: SampleHost) -> None:
    """A single CloudEvent from anybody is run and arrives as func.CloudEvent."""
    cloud = {"specversion": "1.0", "id": "1", "source": "s", "type": "Cloud", "data": {"n": 5}}
    answer = host.http.post(WEBHOOK, params={"functionName": "on_event"}, json=cloud)
    assert answer.status_code == 202
    assert host.note(body="cloud event")["data"] == {"n": 5}


@pytest.mark.parametrize(
    ("name", "headers", "content", "status"),
    [
        ("nosuch", NOTIFICATION, b"[]", 404),
        ("work", NOTIFICATION, b"[]", 404),
        ("on_event", {}, b'[{"id": "1"}]', 400),
        ("on_event", NOTIFICATION, b"[3]", 400),
        ("on_event", NOTIFICATION, b"[", 400),
        ("on_event", {"aeg-event-type": "SubscriptionValidation"}, b"[{}]", 400),
    ],
)
def test_bad_delivery_is_refused(
    host: SampleHost, name: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    """Unknown functions and unreadable events are refused without a run."""
    answer = host.http.post(
        WEBHOOK, params={"functionName": name}, headers=headers, content=content
    )
    assert answer.status_code == status


def test_status_names_every_function(host: SampleHost) -> None:
    """The status has the host's state, and for each function its trigger and counters."""
    status = host.http.get("/admin/host/status").json()
    assert status["state"] == "Running"
    assert status["functions"]["work"]["trigger"] == "queueTrigger"
    assert set(status["functions"]["tick"]) == {"trigger", "running", "succeeded", "failed"}


def test_without_keys_everything_is_open(host: SampleHost) -> None:
    """As under Core Tools, authorization levels are not enforced on one's own machine."""
    assert host.http.post("/api/guarded").text == "open"
    assert host.http.get("/api/admins").text == "open"
