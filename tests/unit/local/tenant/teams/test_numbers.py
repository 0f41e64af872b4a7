"""Numbers and bridges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.tenant.teams.numbers import make_bridges, normal_number

E164 = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)


@given(E164, st.sampled_from(["", "+", "tel:+"]))
def test_the_three_ways_to_write_a_number_are_one(digits: str, prefix: str) -> None:
    """E.164, +E.164 and tel:+E.164 mean the same number."""
    assert normal_number(prefix + digits) == digits


@pytest.mark.parametrize(
    "text", ["", "+", "tel:14255550100", "0123456789", "+1 425 555 0100", "12345", "1" * 16, "abc"]
)
def test_anything_else_is_no_number(text: str) -> None:
    """Spaces, leading zeros, wrong prefixes and wrong lengths are refused."""
    assert normal_number(text) is None


def test_a_number_of_the_users_country_is_chosen() -> None:
    """A German user gets the German number of the bridge."""
    bridge = make_bridges(1)[0]
    assert bridge.toll_for("DE").startswith("49")


def test_without_one_the_bridge_default_is_chosen() -> None:
    """A country without a number, and no country at all, get the default."""
    bridge = make_bridges(1)[0]
    assert bridge.toll_for("BR") == bridge.toll_for(None) == bridge.numbers[0].number


def test_a_toll_number_is_not_a_toll_free_one() -> None:
    """Looking for one kind does not find the other."""
    bridge = make_bridges(1)[0]
    toll = bridge.numbers[0].number
    assert bridge.find(toll, toll_free=False) is not None
    assert bridge.find(toll, toll_free=True) is None


def test_the_first_bridge_alone_is_the_default() -> None:
    """There are several bridges and exactly one default."""
    assert [b.is_default for b in make_bridges(3)] == [True, False]
