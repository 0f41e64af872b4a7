"""Tokens, keys and secrets go over https or to this machine, whoever names the address."""

import random
from typing import Any, cast

import pytest

from cli.app_api import base_url
from cli.errors import CommandError
from shared.addresses import keeps_secrets
from shared.clients.http import Retries, ServiceClient
from shared.errors import SettingsError
from shared.settings.settings import Settings
from tests.fakes import FakeClock, guid

GOOD = [
    "https://x.example",
    "http://127.0.0.1:7071",
    "http://localhost:1",
    "http://[::1]:1/a",
    "HTTPS://X.example",
    "http://127.9.9.9",
]
BAD = [
    "http://x.example",
    "http://10.0.0.4",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1@evil.example",
    "http://0.0.0.0:7071",
    "http://[::2]",
    "http://169.254.169.254",
    "ftp://127.0.0.1",
    "//x.example",
    "x.example",
    "http://[bad",
    "",
]
ADDRESSES = [
    "ACP_GRAPH_URL",
    "ACP_TEAMS_URL",
    "ACP_SIGN_IN_URL",
    "ACP_PUBLIC_URL",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
]
NEEDED = {"ACP_TENANT_ID": guid(1), "AzureWebJobsStorage": "UseDevelopmentStorage=true"}


@pytest.mark.parametrize("url", GOOD)
def test_safe_addresses(url: str) -> None:
    """https anywhere, and http on this machine."""
    assert keeps_secrets(url)
    assert base_url(url).casefold().endswith("/api/")
    Settings.from_environment({**NEEDED, "ACP_GRAPH_URL": url})
    client(url)


@pytest.mark.parametrize("url", BAD)
def test_other_addresses_get_no_token(url: str) -> None:
    """The command line refuses the app's address, and the client one that got past the settings."""
    assert not keeps_secrets(url)
    with pytest.raises(CommandError):
        base_url(url)
    with pytest.raises(SettingsError, match="no token is sent"):
        client(url)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("url", BAD[:8])
def test_the_app_does_not_start_with_such_an_address(name: str, url: str) -> None:
    """Every setting that tokens or secrets go to; the error names it, the value and what to do."""
    with pytest.raises(SettingsError, match=rf"{name} is '.*': tokens go over https"):
        Settings.from_environment({**NEEDED, name: url})


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("UseDevelopmentStorage=true", True),
        ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k=;EndpointSuffix=x", True),
        ("AccountName=a;AccountKey=k;TableEndpoint=http://127.0.0.1:10002/a", True),
        ("DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k", False),
        ("AccountName=a;AccountKey=k;TableEndpoint=http://storage.example/a", False),
        ("AccountName=a;BlobEndpoint=https://x.example;QueueEndpoint=http://x.example", False),
    ],
)
def test_storage_is_reached_the_same_way(text: str, good: bool) -> None:
    """Rows have conference IDs: no connection string leads over the network without TLS."""
    given = {**NEEDED, "AzureWebJobsStorage": text}
    if good:
        Settings.from_environment(given)
    else:
        with pytest.raises(SettingsError, match=r"AzureWebJobsStorage: .*https"):
            Settings.from_environment(given)


def client(origin: str) -> ServiceClient:
    """A client of a service at an address."""
    nobody = cast("Any", None)
    return ServiceClient(
        "Graph",
        origin,
        "audience",
        http=nobody,
        tokens=nobody,
        limiter=nobody,
        clock=FakeClock(),
        retries=Retries(),
        rng=random.Random(1),
        timeout=1,
    )
