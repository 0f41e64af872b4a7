"""Who may call the HTTP API where people sign in."""

import base64
import json

import pytest

from functions.http.auth import PRINCIPAL, Role, check_origin, check_role
from shared.errors import NotPermittedError

ON = {"WEBSITE_AUTH_ENABLED": "True"}


def principal(*roles: str, kind: str = "roles", role_typ: str | None = None) -> dict[str, str]:
    """The header that the platform adds for a caller with these roles."""
    claims = [{"typ": kind, "val": role} for role in roles]
    content = {"auth_typ": "aad", "role_typ": role_typ, "claims": claims}
    return {PRINCIPAL: base64.b64encode(json.dumps(content).encode()).decode()}


@pytest.mark.parametrize("needed", Role)
@pytest.mark.parametrize(
    "headers",
    [
        principal("Conferencing.Write"),
        principal("Conferencing.Read", "Conferencing.Write"),
        principal("Conferencing.Write", kind="my-roles", role_typ="my-roles"),
        principal(
            "Conferencing.Write",
            kind="http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
        ),
    ],
)
def test_writers_may_do_all(needed: Role, headers: dict[str, str]) -> None:
    """Conferencing.Write permits every call, in whatever claim the platform puts the roles."""
    check_role(needed, headers, ON)


def test_readers_may_look() -> None:
    """Conferencing.Read permits to look, and nothing that changes or tells conference IDs."""
    check_role(Role.READ, principal("Conferencing.Read"), ON)
    with pytest.raises(
        NotPermittedError, match=r"the app role Conferencing\.Write is needed"
    ) as told:
        check_role(Role.WRITE, principal("Conferencing.Read"), ON)
    assert told.value.signed_in


@pytest.mark.parametrize(
    ("headers", "signed_in"),
    [
        ({}, False),
        ({PRINCIPAL: ""}, False),
        ({PRINCIPAL: "no base64"}, False),
        ({PRINCIPAL: base64.b64encode(b"no JSON").decode()}, False),
        ({PRINCIPAL: base64.b64encode(b'{"claims": 1}').decode()}, False),
        ({PRINCIPAL: "A" * 100_000}, False),
        (principal(), True),
        (principal("conferencing.read"), True),
        (principal("Conferencing.Read", kind="name"), True),
    ],
)
def test_others_may_not(headers: dict[str, str], signed_in: bool) -> None:
    """Nobody without a readable principal that has the very role in a role claim."""
    with pytest.raises(NotPermittedError) as told:
        check_role(Role.READ, headers, ON)
    assert told.value.signed_in is signed_in


@pytest.mark.parametrize("environment", [{}, {"WEBSITE_AUTH_ENABLED": "False"}])
def test_header_counts_only_behind_the_platform(environment: dict[str, str]) -> None:
    """Where App Service authentication is off anybody could write the header, so everybody is refused."""
    with pytest.raises(NotPermittedError, match="not switched on"):
        check_role(Role.READ, principal("Conferencing.Write"), environment)


URL = "https://app.example/api/runs/1/release"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://app.example"},
        {"Origin": "https://APP.example"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://front.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_programs_and_own_pages_may_change_things(headers: dict[str, str]) -> None:
    """A call without an origin comes from no web page; a page of the app's own origin is not foreign."""
    check_origin("POST", URL, headers)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://app.example.evil.example"},
        {"Origin": "https://app.example@evil.example"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_foreign_pages_change_nothing(method: str, headers: dict[str, str]) -> None:
    """Also without a body, where no content type protects: the browser would send the sign-in along."""
    with pytest.raises(NotPermittedError, match="another origin"):
        check_origin(method, URL, headers)
    check_origin("GET", URL, headers)
