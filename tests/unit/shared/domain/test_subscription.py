"""Which notifications a secret opens, and where a subscription delivers to."""

from datetime import timedelta

import pytest

from shared.domain.subscription import GraphSubscription, Secret
from tests.fakes import NOON

LATER, EARLIER = (
    (NOON + timedelta(seconds=1)).isoformat(),
    (NOON - timedelta(seconds=1)).isoformat(),
)


@pytest.mark.parametrize(
    ("of", "valid_until", "opened"),
    [
        ("one", "", True),
        ("one", LATER, True),
        ("one", NOON.isoformat(), False),
        ("one", EARLIER, False),
        ("two", "", False),
        ("two", LATER, False),
        ("", LATER, True),
        ("", EARLIER, False),
        ("", "", False),
    ],
)
def test_what_a_secret_opens(of: str, valid_until: str, opened: bool) -> None:
    """Its own subscription until its end; that of a creation in progress any, but only with an end."""
    assert Secret("s", of, valid_until).opens("one", NOON) is opened


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://app/api/notify", True),
        ("https://app/api/notify?code=k", True),
        ("https://app/api/notify?code=other", False),
        ("https://app/api/other", False),
        ("EventGrid:?azuresubscriptionid=1&a=2", False),
    ],
)
def test_where_it_delivers(url: str, found: bool) -> None:
    """The address without its query, or the whole; one that Graph does not show is no other's."""
    there = GraphSubscription("id", NOON, "https://app/api/notify?code=k")
    assert there.is_for(url) is found
    assert not GraphSubscription("id", NOON).is_for(url)
    assert not GraphSubscription("id", NOON).is_for("")
    assert GraphSubscription("id", NOON, f"{url}?a=b?c").is_for(url) is ("?" not in url)
    assert GraphSubscription("id", NOON, url).is_for(url)
