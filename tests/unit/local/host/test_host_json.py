import json
from pathlib import Path
from typing import Any

import pytest

from local.host.errors import HostJsonError
from local.host.host_json import HostJson, QueueOptions, read_host_json, time_span


def read(folder: Path, **content: Any) -> HostJson:
    """Write host.json and read it."""
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **content}))
    return read_host_json(folder)


def test_defaults_are_those_of_azure(tmp_path: Path) -> None:
    """Without any setting the documented defaults hold."""
    found = read(tmp_path)
    assert found.route_prefix == "api"
    assert found.queues == QueueOptions(
        batch_size=16,
        new_batch_threshold=8,
        max_polling_interval=60.0,
        visibility_timeout=0.0,
        max_dequeue_count=5,
    )


def test_settings_are_read(tmp_path: Path) -> None:
    """Every setting that the host follows is read; the threshold is half the batch."""
    queues = {
        "batchSize": 32,
        "maxPollingInterval": "00:00:02.5",
        "visibilityTimeout": "00:01:30",
        "maxDequeueCount": 2,
        "messageEncoding": "base64",
    }
    found = read(tmp_path, extensions={"http": {"routePrefix": "/x/y/"}, "queues": queues})
    assert found.route_prefix == "x/y"
    assert found.queues == QueueOptions(
        batch_size=32,
        new_batch_threshold=16,
        max_polling_interval=2.5,
        visibility_timeout=90.0,
        max_dequeue_count=2,
    )


@pytest.mark.parametrize(
    ("queues", "message"),
    [
        ({"batchsize": 1}, r"queues\.batchsize is not a setting"),
        ({"batchSize": 33}, "from 1 to 32, not 33"),
        ({"batchSize": True}, "not True"),
        ({"maxDequeueCount": 0}, "from 1 on, not 0"),
        ({"maxPollingInterval": 2000}, "maxPollingInterval.*2000"),
        ({"maxPollingInterval": "00:00:00.05"}, "at least"),
        ({"visibilityTimeout": "soon"}, "visibilityTimeout.*'soon'"),
        ({"messageEncoding": "none"}, "messageEncoding"),
    ],
)
def test_bad_queue_settings_are_named(tmp_path: Path, queues: dict[str, Any], message: str) -> None:
    """A setting that cannot be followed is refused with its name and value."""
    with pytest.raises(HostJsonError, match=message):
        read(tmp_path, extensions={"queues": queues})


def test_bad_files_are_refused(tmp_path: Path) -> None:
    """A missing, unreadable or foreign host.json is an error, not a default."""
    with pytest.raises(HostJsonError, match="does not exist"):
        read_host_json(tmp_path)
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(HostJsonError, match="not valid JSON"):
        read_host_json(tmp_path)
    (tmp_path / "host.json").write_text("{}")
    with pytest.raises(HostJsonError, match="version"):
        read_host_json(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:30", 30), ("01:02:03", 3723), ("1.00:00:01", 86_401), ("00:00:00.100", 0.1)],
)
def test_time_span(text: str, seconds: float) -> None:
    """A .NET time span is read as seconds."""
    assert time_span(text, "x") == pytest.approx(seconds)
