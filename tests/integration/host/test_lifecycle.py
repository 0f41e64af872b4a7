"""Starting, stopping, crashing and failing to start."""

import json
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.errors import ChildError
from local.processes import Child
from local.waiting import wait_until
from tests.integration.host.conftest import SAMPLE, SampleHost

HOST_JSON = '{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}'
HEADER = "import azure.functions as func\napp = func.FunctionApp()\n"
NewHost = Callable[..., SampleHost]


def write_app(folder: Path, code: str, host_json: str = HOST_JSON) -> Path:
    """A function app with this code."""
    folder.mkdir()
    (folder / "function_app.py").write_text(code)
    (folder / "host.json").write_text(host_json)
    return folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_the_running_message(new_host: NewHost, number: signal.Signals) -> None:
    """On a stop the running message is finished, no other is taken, and the status is 0."""
    with new_host() as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.process.send_signal(number)
        wait_until(lambda: "stopping:" in host.log_file.read_text(), "the stop")
        host.send("work", "too late")
        assert host.process.running
        (host.gate / "open").touch()
        assert host.process.wait(limit=15) == 0
        host.note(body="wait")
        assert [m.content for m in host.queue("work").peek_messages(max_messages=5)] == [
            "dG9vIGxhdGU="
        ]


def test_drain_is_bounded(new_host: NewHost) -> None:
    """A function that does not end does not keep the host for ever; its message stays."""
    with new_host(ACP_HOST_DRAIN_SECONDS="1") as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(limit=15) == 0
        assert host.queue("work").get_queue_properties().approximate_message_count == 1


def test_second_interrupt_ends_at_once(new_host: NewHost) -> None:
    """Ctrl-C twice does not wait for the running message."""
    with new_host() as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.process.send_signal(signal.SIGINT)
        wait_until(lambda: "stopping:" in host.log_file.read_text(), "the stop")
        host.process.send_signal(signal.SIGINT)
        assert host.process.wait(limit=5) == 130


def test_message_of_a_killed_host_is_processed_again(new_host: NewHost) -> None:
    """After SIGKILL the message comes back when its lease ends, with a higher count."""
    with new_host(ACP_HOST_MESSAGE_LEASE_SECONDS="2") as host:
        host.send("work", "wait")
        wait_until((host.gate / "started-1").exists, "the run")
        host.process.kill()
        (host.gate / "open").touch()
        host.start()
        assert host.note(body="wait")["dequeue_count"] == 2


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
        assert host.counters("work") == {
            "trigger": "queueTrigger",
            "running": 0,
            "succeeded": 1,
            "failed": 0,
        }


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


def test_local_settings_and_disabled_functions(new_host: NewHost, tmp_path: Path) -> None:
    """Values of local.settings.json are settings unless the environment has them already."""
    code = HEADER + (
        "import os\n"
        "@app.route(auth_level='anonymous')\n"
        "def shown(req: func.HttpRequest) -> str:\n"
        "    return os.environ['ONE'] + os.environ['TWO'] + str('ACP_HOST_DRAIN_SECONDS' in"
        " os.environ)\n"
        "@app.route(auth_level='anonymous')\n"
        "def off(req: func.HttpRequest) -> str:\n"
        "    return 'on'\n"
    )
    root = write_app(tmp_path / "app", code)
    values = {"ONE": "file", "TWO": "file", "AzureWebJobs.off.Disabled": "true"}
    (root / "local.settings.json").write_text(json.dumps({"Values": values}))
    with new_host(root, ONE="shell", ACP_HOST_DRAIN_SECONDS="5") as host:
        assert host.http.get("/shown").text == "shellfileFalse"
        assert host.http.get("/off").status_code == 404


BROKEN = {
    "a missing module": ("import nosuchmodule\n", "No module named 'nosuchmodule'"),
    "a missing setting": (
        "import os\nraise SystemExit('ACP_TENANT_ID is missing')",
        "ACP_TENANT_ID is missing",
    ),
    "no functions": (HEADER, "declares no functions"),
    "a type that the worker refuses": (
        HEADER + "@app.route()\ndef f(req: func.HttpRequest) -> dict: return {}\n",
        "does not match binding type",
    ),
    "an unset name in a binding": (
        HEADER + "@app.queue_trigger(arg_name='m', queue_name='%NOPE%', connection='')\n"
        "def f(m: func.QueueMessage) -> None: ...\n",
        "app setting 'NOPE', used in the trigger of function 'f', is not set",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_app_ends_the_host_with_its_message(
    new_host: NewHost, tmp_path: Path, kind: str
) -> None:
    """An app that cannot be loaded ends the host at once, saying what is wrong."""
    code, message = BROKEN[kind]
    host = new_host(write_app(tmp_path / "app", code))
    with pytest.raises(ChildError, match="ended with status 1"):
        host.start()
    assert message in host.log_file.read_text()


def test_folder_without_an_app(new_host: NewHost, tmp_path: Path) -> None:
    """A wrong --root says what is missing there."""
    host = new_host(tmp_path)
    with pytest.raises(ChildError, match=r"host\.json does not exist"):
        host.start()


def test_missing_storage_setting(new_host: NewHost) -> None:
    """Without AzureWebJobsStorage the setting and its use are named."""
    host = new_host(AzureWebJobsStorage="")
    with pytest.raises(ChildError, match=r"'AzureWebJobsStorage', used in .* is not set"):
        host.start()


def test_storage_that_does_not_answer(new_host: NewHost) -> None:
    """Storage that is not there is an error that names the account's address."""
    nowhere = "AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:9/a;"
    host = new_host(AzureWebJobsStorage=nowhere)
    with pytest.raises(ChildError, match=r"error: .*http://127\.0\.0\.1:9/a"):
        host.start()


def test_port_in_use(new_host: NewHost) -> None:
    """A taken port is an error that names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "cli", "host", "--port", str(port), "--root", str(SAMPLE)]
        child = Child("acp host", command, log=new_host().log_file)
        child.start()
        with pytest.raises(ChildError, match=f"error: port {port} cannot be used"):
            child.wait_for_line("ready")
        assert child.wait(5) == 1
