import signal
import sys
from pathlib import Path

import pytest

from local.errors import ChildError
from local.processes import Child

READY_THEN_WAIT = """
import sys, threading
from local.processes import exit_with_parent
over = threading.Event()
exit_with_parent(over.set)
print("ready 42", flush=True)
print("a word on standard error", file=sys.stderr, flush=True)
over.wait()
print("bye", flush=True)
"""
DEAF = "print('ready', flush=True)\nimport signal, threading\nthreading.Event().wait()\n"


def python(code: str, folder: Path) -> Child:
    """A child that runs this code."""
    return Child("the child", [sys.executable, "-c", code], log=folder / "logs" / "child.log")


def test_ready_line_and_clean_stop(tmp_path: Path) -> None:
    """The ready line's match is handed back, and a stop lets the child finish by itself."""
    with python(READY_THEN_WAIT, tmp_path) as child:
        assert child.wait_for_line(r"^ready (\d+)$")[1] == "42"
        assert child.running
        assert child.stop() == 0
        assert not child.running
    log = (tmp_path / "logs" / "child.log").read_text()
    assert "a word on standard error" in log
    assert "bye" in log


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    """A child that ignores its lifeline is killed after the limit."""
    with python(DEAF, tmp_path) as child:
        child.wait_for_line("ready")
        assert child.stop(limit=0.1) == -signal.SIGKILL


def test_early_end_shows_the_log(tmp_path: Path) -> None:
    """A child that ends before it is ready is an error with its status and its last words."""
    with (
        python("raise SystemExit('no luck today')", tmp_path) as child,
        pytest.raises(ChildError, match=r"ended with status 1; .*\n  no luck today"),
    ):
        child.wait_for_line("ready")


def test_not_ready_in_time(tmp_path: Path) -> None:
    """A child that says nothing is an error after the limit, not a wait for ever."""
    with (
        python(READY_THEN_WAIT.replace("ready", "nothing"), tmp_path) as child,
        pytest.raises(ChildError, match=r"was not ready within 0\.2 s"),
    ):
        child.wait_for_line("^ready", limit=0.2)


def test_program_that_does_not_exist(tmp_path: Path) -> None:
    """A command that cannot be started is an error of its own."""
    child = Child("the child", [str(tmp_path / "nosuch")], log=tmp_path / "log")
    with pytest.raises(ChildError, match="could not be started"):
        child.start()
    assert child.stop() is None
    with pytest.raises(ChildError, match="was not started"):
        _ = child.pid
