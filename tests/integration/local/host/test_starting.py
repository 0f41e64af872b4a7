"""Starting with other settings, and failing to start: the host says what is wrong."""

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.errors import ChildError
from local.processes import Child
from tests.integration.local.host.conftest import SAMPLE, SampleHost

HOST_JSON = '{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}'
HEADER = "import azure.functions as func\napp = func.FunctionApp()\n"
NewHost = Callable[..., SampleHost]


def write_app(folder: Path, code: str, host_json: str = HOST_JSON) -> Path:
    """A function app with this code."""
    folder.mkdir()
    (folder / "function_app.py").write_text(code)
    (folder / "host.json").write_text(host_json)
    return folder


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


SLOW = (
    "a missing module",
    "a missing setting",
    "no functions",
    "a type that the worker refuses",
    "an unset name in a binding",
)
"""One start of a host each; the others stand for them in the short run."""


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.large if k in SLOW else ()) for k in BROKEN]
)
def test_broken_app_ends_the_host_with_its_message(
    new_host: NewHost, tmp_path: Path, kind: str
) -> None:
    """An app that cannot be loaded ends the host at once, saying what is wrong."""
    code, message = BROKEN[kind]
    host = new_host(write_app(tmp_path / "app", code))
    with pytest.raises(ChildError, match="ended with status 1"):
        host.start()
    assert message in host.output


def test_folder_without_an_app(new_host: NewHost, tmp_path: Path) -> None:
    """A wrong --root says what is missing there."""
    host = new_host(tmp_path)
    with pytest.raises(ChildError, match=r"host\.json does not exist"):
        host.start()


@pytest.mark.large
def test_missing_storage_setting(new_host: NewHost) -> None:
    """Without AzureWebJobsStorage the setting and its use are named."""
    host = new_host(AzureWebJobsStorage="")
    with pytest.raises(ChildError, match=r"'AzureWebJobsStorage', used in .* is not set"):
        host.start()


@pytest.mark.large
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
        child = Child("acp host", command, log=new_host().log)
        child.start()
        with pytest.raises(ChildError, match=f"error: port {port} cannot be used"):
            child.wait_for_line("ready")
        assert child.wait(5) == 1
