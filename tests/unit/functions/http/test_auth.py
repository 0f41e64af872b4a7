"""Who may call the HTTP API where people sign in."""

import base64
import json

import pytest

from functions.http.auth import PRINCIPAL, Role, check_role
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
