"""What an access token tells of whoever signed in, and that an unreadable one tells nothing."""

import base64
import json

import pytest

from cli.grant.signed_in import (
    GLOBAL_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
    SignedIn,
    read,
)

PLAIN_USER = "b79fbf4d-3ef9-4689-8143-76b194e85509"
BOTH = ["AppRoleAssignment.ReadWrite.All", "RoleManagement.ReadWrite.Directory"]


def token(claims: object) -> str:
    """A token with these claims."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.sig"


@pytest.mark.parametrize(
    ("claims", "may"),
    [
        ({"wids": [PRIVILEGED_ROLE_ADMINISTRATOR]}, True),
        ({"wids": [PLAIN_USER, GLOBAL_ADMINISTRATOR]}, True),
        ({"wids": [PLAIN_USER]}, False),
        ({"wids": []}, False),
        ({"roles": BOTH}, True),
        ({"roles": BOTH[:1]}, False),
        ({"roles": [], "wids": [GLOBAL_ADMINISTRATOR]}, True),
        ({}, None),
        ({"wids": "all"}, None),
    ],
)
def test_who_may_grant(claims: dict[str, object], may: bool | None) -> None:
    """A person with the role, an app with both permissions; without claims it cannot be told."""
    assert read(token({"tid": "t", **claims})) == SignedIn("t", may)


@pytest.mark.parametrize(
    "opaque", ["", "x", "a.b", "a.%%%.c", "a.e30x.c", token([1]), token({"tid": 7})]
)
def test_an_unreadable_token(opaque: str) -> None:
    """Nothing is concluded from it."""
    assert read(opaque) == SignedIn("", None)
