"""When Teams' listing is doubted, and what identifies a request."""

import pytest

from shared.domain.listing import listing_doubt
from shared.domain.move_request import MoveRequest, count_users
from shared.domain.options import MoveOptions


@pytest.mark.parametrize(
    ("counts", "doubt"),
    [
        ({}, ""),
        ({"unlisted": 9, "licensed": 9}, ""),
        ({"unlisted": 10, "licensed": 100}, ""),
        (
            {"unlisted": 10, "licensed": 99, "users": 89},
            "Teams' listing of 89 users lacks 10 of 99 licensed users: it may have been cut off",
        ),
        (
            {"unlisted": 10},
            "Teams' listing of 0 users lacks 10 of 0 licensed users: it may have been cut off",
        ),
    ],
)
def test_a_listing_that_lacks_many_is_doubtful(counts: dict[str, int], doubt: str) -> None:
    """Ten users, and more than a tenth of the licensed, may not be missing."""
    assert listing_doubt(counts) == doubt


NOTHING = (
    "Wish(provider=None, options=MoveOptions(send_email=False, service_number=None, "
    "toll_free_number=None))"
)
EVERYTHING = (
    "Wish(provider='BT', options=MoveOptions(send_email=True, service_number='+1', "
    "toll_free_number='+800')) expected=0"
)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (MoveRequest(), NOTHING),
        (MoveRequest(("a", "b"), named=3), f'{NOTHING} ["a", "b"]'),
        (MoveRequest(None, "BT", MoveOptions(True, "+1", "+800", 0)), EVERYTHING),
    ],
)
def test_the_text_behind_a_key_stays(request_: MoveRequest, text: str) -> None:
    """Digests of it are stored: keys of before have to find their runs."""
    assert request_.fingerprint == text


def test_names_are_counted_only_where_they_are_more_than_users() -> None:
    """K8: three names of two users."""
    assert (count_users(2, 2), count_users(3, 2)) == ({"users": 2}, {"names": 3, "users": 2})
