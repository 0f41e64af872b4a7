"""What a token says of itself, for the doctor."""

import base64
import json

import pytest

from shared.services.admin.token_claims import describe_token, who_signed_in


def token(claims: object) -> str:
    """A token with these claims."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"head.{body}.signature"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (token({"aud": "graph", "roles": ["B", "A"]}), "for graph, roles A, B"),
        (token({"aud": "graph", "scp": "User.Read"}), "for graph, scopes User.Read"),
        (token({"aud": "teams"}), "for teams, no roles in it"),
        (token({"aud": "teams", "roles": []}), "for teams, no roles in it"),
        (token([1]), "a token that cannot be looked into"),
        ("opaque", "a token that cannot be looked into"),
        ("a.%%%.c", "a token that cannot be looked into"),
        ("a.bm90IGpzb24.c", "a token that cannot be looked into"),
    ],
)
def test_audience_and_roles(text: str, said: str) -> None:
    """Audience with roles or scopes; a token that is no JWT is told as such; nothing of it is shown."""
    assert describe_token(text) == said


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (token({"oid": "id", "name": "Adele", "upn": "adele@x"}), ("adele@x", "id")),
        (token({"oid": "id", "name": "Adele", "preferred_username": "p@x"}), ("p@x", "id")),
        (token({"oid": "id", "unique_name": "u@x", "name": "Adele"}), ("u@x", "id")),
        (token({"upn": "", "name": "Adele"}), ("Adele", "")),
        (token({"oid": "id"}), ("id", "id")),
        (token({"aud": "graph"}), None),
        ("opaque", None),
    ],
)
def test_who_signed_in(text: str, who: tuple[str, str] | None) -> None:
    """The address before the name, and the id where there is neither."""
    assert who_signed_in(text) == who
