"""The tenant behind a real server, asked by real clients."""

import socket
import threading
from collections.abc import Iterator

import httpx
import msal
import pytest
import uvicorn

from local.tenant.app import create_app
from local.tenant.identity.tokens import GRAPH, TEAMS
from local.tenant.options import TenantOptions


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of a tenant of 3,000 users run by uvicorn."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    app = create_app(TenantOptions(users=3000, identity_header="key"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def client(served: str) -> Iterator[httpx.Client]:
    """A client of that tenant, on real sockets."""
    # Plain HTTP, and no wait for certificates.
    with httpx.Client(base_url=served, timeout=10, verify=False) as opened:  # noqa: S501
        yield opened


def graph_headers(client: httpx.Client) -> dict[str, str]:
    """A Graph token and the advanced header."""
    answer = client.get(
        "/msi/token",
        params={"api-version": "2019-08-01", "resource": GRAPH},
        headers={"X-IDENTITY-HEADER": "key"},
    )
    token = answer.json()["access_token"]
    return {"Authorization": f"Bearer {token}", "ConsistencyLevel": "eventual"}


@pytest.mark.parametrize("resource", [GRAPH, TEAMS])
def test_msal_gets_a_token(
    served: str, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    """The library that the application uses accepts the endpoint."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{served}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "key")
    identity = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=client)
    result = identity.acquire_token_for_client(resource=resource)
    assert set(result) >= {"access_token", "expires_in"}


def test_links_lead_back_to_the_same_server(client: httpx.Client, served: str) -> None:
    """Three pages of 999 and one rest, over links that are used as they are."""
    headers = graph_headers(client)
    url: str | None = "/v1.0/users?$top=999&$select=id&$count=true"
    sizes, ids = [], set()
    while url:
        body = client.get(url, headers=headers).json()
        sizes.append(len(body["value"]))
        ids |= {user["id"] for user in body["value"]}
        url = body.get("@odata.nextLink")
        assert url is None or url.startswith(served)
    assert sizes[:2] == [999, 999]
    assert len(ids) == sum(sizes)


def test_a_client_may_come_by_another_name(client: httpx.Client) -> None:
    """Links carry the host that was asked, as behind a proxy or a container's name."""
    headers = graph_headers(client) | {"Host": "tenant.internal:9000"}
    body = client.get("/v1.0/users?$top=1", headers=headers).json()
    assert body["@odata.nextLink"].startswith("http://tenant.internal:9000/v1.0/users?")
