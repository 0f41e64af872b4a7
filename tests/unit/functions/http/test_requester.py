"""Who asked: as the platform signed the caller in, or by the key; never by what a caller forges."""

import base64
import json

import azure.functions as func
import pytest

from functions.http.auth import PRINCIPAL, SWITCHED_ON, requester
from shared.domain.pause import RequestedBy

ADELE = {
    "preferred_username": "adele@contoso.example",
    "http://schemas.microsoft.com/identity/claims/objectidentifier": "6f1c",
}
PROGRAM = {"azp": "an app's id", "oid": "7a2b"}


def request(url: str = "https://app/api/pause", **headers: str) -> func.HttpRequest:
    """A request with these headers; `key`: a function key."""
    given = {"x-functions-key" if name == "key" else name: text for name, text in headers.items()}
    params = {"code": url.partition("code=")[2]} if "code=" in url else {}
    return func.HttpRequest("POST", url, headers=given, params=params, body=b"")


def principal(claims: dict[str, str]) -> str:
    """The platform's header for a caller with these claims."""
    items = [{"typ": name, "val": text} for name, text in claims.items()]
    return base64.b64encode(json.dumps({"claims": items}).encode()).decode()


@pytest.mark.parametrize(
    ("claims", "who"),
    [
        (ADELE, RequestedBy("adele@contoso.example", "6f1c")),
        (PROGRAM, RequestedBy("an app's id", "7a2b")),
        ({"oid": "7a2b"}, RequestedBy("7a2b", "7a2b")),
        ({}, RequestedBy("somebody signed in")),
    ],
)
def test_who_signed_in_is_named(
    claims: dict[str, str], who: RequestedBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name and id of the sign-in; a program by its own."""
    monkeypatch.setenv(SWITCHED_ON, "True")
    assert requester(request(**{PRINCIPAL: principal(claims)})) == who


def test_a_forged_sign_in_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the platform checks no sign-in, its header may be anybody's: the key counts."""
    monkeypatch.delenv(SWITCHED_ON, raising=False)
    forged = request(**{PRINCIPAL: principal(ADELE), "key": "one"})
    assert requester(forged) == requester(request(key="one")) != requester(request(key="two"))
    assert "one" not in requester(forged).name
    assert requester(request("https://app/api/pause?code=one")) == requester(forged)
    assert requester(request()) == RequestedBy("the HTTP API, without a key")
