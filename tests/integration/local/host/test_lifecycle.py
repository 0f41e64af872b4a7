"""Starting, stopping, crashing."""

import signal
from collections.abc import Callable

import pytest

from local.waiting import wait_until
from tests.integration.local.host.conftest import SampleHost

NewHost = Callable[..., SampleHost]


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.large)]
)
def test_stop_finishes_the_running_message(new_host: NewHost, number: signal.Signals) -> None:
    """On a stop the running message is finished, no other is taken, and the status is 0."""
    with new_host() as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.send_signal(number)
        wait_until(lambda: "stopping:" in host.output, "the stop")
        host.send("work", "too late")
        assert host.running
        (host.gate / "open").touch()
        assert host.wait(limit=15) == 0
        host.note(body="wait")
        assert [m.content for m in host.queue("work").peek_messages(max_messages=5)] == [
            "dG9vIGxhdGU="
        ]


@pytest.mark.large
def test_drain_is_bounded(new_host: NewHost) -> None:
    """A function that does not end does not keep the host for ever; its message stays."""
    with new_host(ACP_HOST_DRAIN_SECONDS="1") as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.send_signal(signal.SIGTERM)
        assert host.wait(limit=15) == 0
        assert host.queue("work").get_queue_properties().approximate_message_count == 1


def test_second_interrupt_ends_at_once(new_host: NewHost) -> None:
    """Ctrl-C twice does not wait for the running message."""
    with new_host() as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.send_signal(signal.SIGINT)
        wait_until(lambda: "stopping:" in host.output, "the stop")
        host.send_signal(signal.SIGINT)
        assert host.wait(limit=5) == 130


@pytest.mark.large
def test_message_of_a_killed_host_is_processed_again(new_host: NewHost) -> None:
    """After SIGKILL the message comes back when its lease ends, with a higher count."""
    with new_host(ACP_HOST_MESSAGE_LEASE_SECONDS="2") as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.kill()
        (host.gate / "open").touch()
        host.start()
        assert host.note(body="wait")["dequeue_count"] == 2


@pytest.mark.large
def test_running_message_is_not_taken_twice(new_host: NewHost) -> None:
    """A run that is longer than the lease keeps its message, because the lease is renewed."""
    every_second = {"SAMPLE_SCHEDULE": "* * * * * *"}
    with new_host(ACP_HOST_MESSAGE_LEASE_SECONDS="1", **every_second) as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        ticks = host.counters("tick")["succeeded"]
        wait_until(lambda: host.counters("tick")["succeeded"] >= ticks + 3, "three seconds")
        (host.gate / "open").touch()
        assert host.note(body="wait")["dequeue_count"] == 1
        assert not (host.gate / "started-2").exists()
        assert host.counters("work") == {"running": 0, "succeeded": 1, "failed": 0}
        assert host.functions()["work"]["trigger"] == "queueTrigger"


def test_keys_are_enforced_when_given(new_host: NewHost) -> None:
    """With keys a wrong one is 401; the master key opens everything."""
    keys = {"FUNCTION": "fff", "SYSTEM": "sss", "MASTER": "mmm"}
    with new_host(**{f"ACP_HOST_{name}_KEY": key for name, key in keys.items()}) as host:
        http = host.http
        assert http.get("/api/items/5").status_code == 203
        assert http.post("/api/guarded").status_code == 401
        assert http.post("/api/guarded", headers={"x-functions-key": "x"}).status_code == 401
        assert http.post("/api/guarded", headers={"x-functions-key": "fff"}).status_code == 200
        assert http.post("/api/guarded?code=mmm").status_code == 200
        assert http.get("/api/admins?code=fff").status_code == 401
        assert http.get("/api/admins?code=mmm").status_code == 200
        assert http.get("/admin/host/status").status_code == 401
        assert http.post("/admin/functions/tick?code=fff").status_code == 401
        assert http.post("/admin/functions/tick?code=mmm").status_code == 202
        webhook = "/runtime/webhooks/EventGrid?functionName=on_event&code="
        headers = {"aeg-event-type": "Notification"}
        assert http.post(f"{webhook}fff", headers=headers, json=[]).status_code == 401
        assert http.post(f"{webhook}sss", headers=headers, json=[]).status_code == 202
