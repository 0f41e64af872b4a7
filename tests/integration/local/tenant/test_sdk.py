"""Microsoft's own SDK as a client of the tenant: it works, and is refused where Graph refuses it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.tenant.directory.catalog import AUDIO_CONFERENCING
from tests.integration.local.tenant.support import Receiver
from tests.integration.local.tenant.test_served import graph_headers, served

__all__ = ["served"]
SDK = os.environ.get("ACP_SDK_PYTHON", "")


@pytest.mark.large
@pytest.mark.skipif(
    not SDK, reason="ACP_SDK_PYTHON names no interpreter with msgraph-sdk installed"
)
def test_microsofts_sdk(served: str, receiver: Receiver) -> None:
    """It lists, pages, batches, subscribes, renews, licenses; each difference to Graph is closed."""
    with httpx.Client(base_url=served, timeout=10) as client:
        token = graph_headers(client)["Authorization"].removeprefix("Bearer ")
        users = client.get("/_tenant/state").json()["users"]
    user = next(each for each in users if each["kind"] == "unlicensed")
    script = Path(__file__).with_name("sdk_calls.py")
    arguments = [served, token, receiver.url, user["id"], AUDIO_CONFERENCING.id]
    done = subprocess.run(
        [SDK or sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("count") == said.pop("listed") > 500
    assert said == {
        "batched": 20,
        "second subscription": [409, "Conflict"],
        "renewed": True,
        "licensed": True,
        "found by mail": [True],
        "skip": [400, "Request_BadRequest"],
        "without the header": [400, "Request_UnsupportedQuery"],
        "next page without the header": [400, "Request_UnsupportedQuery"],
        "$ name": [400, "Request_BadRequest"],
        "whole address in a batch": [400, ""],  # the SDK reads no code of a batch's error
        "unknown token": [401, "InvalidAuthenticationToken"],
    }
