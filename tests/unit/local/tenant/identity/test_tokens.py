"""Access tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.tenant.identity.tokens import GRAPH, TEAMS, TokenError, Tokens


class Times:
    """A clock a test can set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def make(times: Times | None = None, tenant: str = "t") -> Tokens:
    """Tokens of a tenant that live an hour."""
    return Tokens(tenant, "app", 3600, times or Times())


def test_a_fresh_token_is_accepted() -> None:
    """For its own resource, until its hour is over."""
    tokens = make()
    token, expires = tokens.issue(GRAPH)
    assert expires == 1_003_600
    tokens.check(f"Bearer {token}", GRAPH)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc"])
def test_no_token_is_refused(header: str | None) -> None:
    """A missing header, an empty one, another scheme."""
    with pytest.raises(TokenError, match="empty"):
        make().check(header, GRAPH)


def test_the_wrong_audience_is_refused() -> None:
    """A Graph token does not open Teams."""
    tokens = make()
    with pytest.raises(TokenError, match="audience"):
        tokens.check(f"Bearer {tokens.issue(GRAPH)[0]}", TEAMS)


def test_an_expired_token_is_refused() -> None:
    """At the second of its expiry it is over."""
    times = Times()
    tokens = make(times)
    token, expires = tokens.issue(GRAPH)
    times.now = float(expires)
    with pytest.raises(TokenError, match="expired"):
        tokens.check(f"Bearer {token}", GRAPH)


def test_revoking_ends_old_tokens_only() -> None:
    """Tokens issued afterwards are good."""
    tokens = make()
    old, _ = tokens.issue(GRAPH)
    tokens.revoke_all()
    with pytest.raises(TokenError, match="TokenIssuedBeforeRevocationTimestamp") as caught:
        tokens.check(f"Bearer {old}", GRAPH)
    assert 'error="insufficient_claims", claims="' in caught.value.challenge
    tokens.check(f"Bearer {tokens.issue(GRAPH)[0]}", GRAPH)


def test_another_tenants_token_is_refused() -> None:
    """The signature is the tenant's own."""
    token, _ = make(tenant="other").issue(GRAPH)
    with pytest.raises(TokenError, match="signature"):
        make().check(f"Bearer {token}", GRAPH)


@given(st.text(max_size=80))
def test_garbage_is_refused_and_not_repeated(text: str) -> None:
    """Whatever comes, it is refused with a text that does not contain it."""
    with pytest.raises(TokenError) as caught:
        make().check(f"Bearer {text}", GRAPH)
    assert len(text) < 5 or text not in str(caught.value)
