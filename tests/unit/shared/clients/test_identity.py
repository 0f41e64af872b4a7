"""Tokens: what is kept when the endpoint is away, and what of its answers is believed."""

import time
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from shared.clients.identity import CachedTokens, read_token
from shared.errors import AccessDeniedError, InvalidResponseError, ServiceError, UnreachableError


class Tokens(CachedTokens):
    """Tokens of an endpoint that may be away. life: seconds that a new token lives."""

    def __init__(self, life: float) -> None:
        super().__init__()
        self.life = life
        self.asked = 0
        self.away = False

    def acquire(self, resource: str) -> AccessToken:
        """Return the next token."""
        self.asked += 1
        if self.away:
            raise UnreachableError("identity", resource, "ConnectTimeout")
        return AccessToken(f"token-{self.asked}", int(time.time() + self.life))

    def renew(self) -> None:
        """Do nothing."""


async def test_a_valid_token_outlives_an_outage_of_its_endpoint() -> None:
    """A token that is about to expire is used while no new one can be had, and nobody waits for one."""
    tokens = Tokens(life=200)
    assert await tokens.token("graph") == "token-1"
    tokens.away = True
    assert [await tokens.token("graph") for _ in range(3)] == ["token-1"] * 3
    assert tokens.asked == 2, "the endpoint that failed is spared for a while"
    tokens.forget("graph")
    with pytest.raises(UnreachableError):
        await tokens.token("graph")


async def test_a_token_without_life_is_not_used() -> None:
    """Nothing is sent with a token that is over."""
    tokens = Tokens(life=2)
    await tokens.token("graph")
    tokens.away = True
    with pytest.raises(UnreachableError):
        await tokens.token("graph")


@pytest.mark.parametrize(
    "token", [None, 7, "", "a b", "a\r\nX: y", "tökén", "\ud800", {}, "x" * 200_000]
)
def test_what_is_no_token_is_refused(token: object) -> None:
    """What cannot stand in a header is no token."""
    with pytest.raises(InvalidResponseError):
        read_token({"access_token": token, "expires_in": 100}, "graph", "refused")


@pytest.mark.parametrize(
    ("life", "seconds"),
    [(100, 100), ("100", 100), (1e300, 86_400), ("9" * 4_301, 86_400), (99_999_999, 86_400)],
)
def test_a_token_lives_a_day_at_most(life: object, seconds: int) -> None:
    """Whatever the endpoint says about its life."""
    found = read_token({"access_token": "x", "expires_in": life}, "graph", "refused")
    assert 0 <= time.time() + seconds - found.expires_on < 5


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"access_token": "x"}, InvalidResponseError),
        ({"access_token": "x", "expires_in": None}, InvalidResponseError),
        ({"access_token": "x", "expires_in": "soon"}, InvalidResponseError),
        ({"access_token": "x", "expires_in": -5}, InvalidResponseError),
        ({"error": "e" * 1_000}, AccessDeniedError),
        ({"error": None}, AccessDeniedError),
    ],
)
def test_odd_answers_are_named(answer: dict[str, Any], error: type[ServiceError]) -> None:
    """No token and no end are errors of the tree, and what is echoed is cut."""
    with pytest.raises(error) as caught:
        read_token(answer, "graph", "refused")
    assert len(caught.value.code) <= 64
