"""When a sweep is held, and what an administrator reads then."""

import pytest

from shared.domain.sweep_limit import SweepLimit


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({}, None),
        ({"licensed": 10, "replace": 5, "already": 9, "wait": 9}, None),
        (
            {"licensed": 10, "enable": 6},
            "it would move 6 of 10 licensed users; ACP_SWEEP_MAX_SHARE is 0.5",
        ),
        ({"set_number": 1}, "it would move 1 of 0 licensed users; ACP_SWEEP_MAX_SHARE is 0.5"),
        (
            {"licensed": 10, "unlisted": 4, "unreadable": 3},
            "it would move 7 of 10 licensed users; ACP_SWEEP_MAX_SHARE is 0.5",
        ),
        ({"licensed": 100, "replace": 8}, None),
        (
            {"licensed": 100, "replace": 2, "enable": 3, "set_number": 4},
            "it would move 9 users; ACP_SWEEP_MAX_MOVES is 8",
        ),
    ],
)
def test_what_is_counted_and_compared(counts: dict[str, int], reason: str | None) -> None:
    """All who would be changed, and those not known, against number and share; the limit itself passes."""
    assert SweepLimit(8, 0.5).holds(counts) == reason


def test_a_share_of_one_and_a_limit_of_none() -> None:
    """A share of 1 never holds, also where nobody is counted as licensed; no move needs no permission."""
    assert SweepLimit(8, 1).holds({"enable": 8}) is None
    assert SweepLimit(0, 0).holds({}) is None
