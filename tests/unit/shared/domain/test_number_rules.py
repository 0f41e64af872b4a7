"""Number rules and countries, as they are written, compared and counted."""

import pytest

from shared.domain.bridges import BridgeNumber, check_options, read_number, tolls
from shared.domain.countries import check_country
from shared.domain.number_rules import NumberRules, digits_of
from shared.domain.options import MoveOptions
from shared.errors import InputError
from tests.fakes import guid

RULES = NumberRules({guid(91): "+1"}, {"DE": "+49", "FR": "+33"}, "+44")


@pytest.mark.parametrize(
    ("rules", "any_"),
    [
        (NumberRules(), False),
        (NumberRules(by_group={guid(91): "+1"}), True),
        (NumberRules(by_location={"DE": "+1"}), True),
        (NumberRules(default="+1"), True),
    ],
)
def test_one_rule_of_any_kind_is_a_rule(rules: NumberRules, any_: bool) -> None:
    """Without any, the service chooses for everybody."""
    assert bool(rules) is any_


def test_users_of_each_rule() -> None:
    """All others are the licensed without those of the locations, and never fewer than nobody."""
    users = {guid(91): 3, "DE": 20, "FR": 5, "*": 100}
    assert RULES.counted(users) == {guid(91): 3, "DE": 20, "FR": 5, "*": 75}
    assert RULES.counted(users | {"*": 24}) == {guid(91): 3, "DE": 20, "FR": 5, "*": 0}
    assert NumberRules(by_location={"DE": "+1"}).counted(users) == {"DE": 20}


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("+14255550100", "14255550100"),
        ("0014255550100", "14255550100"),
        ("tel:+1 (425) 555-0100;ext=7", "14255550100"),
    ],
)
def test_numbers_are_compared_by_their_digits(number: str, digits: str) -> None:
    """A prefix to dial, marks and an extension make no other number; zeros at the end belong to it."""
    assert digits_of(number) == digits
    assert NumberRules(default=number).has(f"+{digits}")
    assert not RULES.has(number)


def test_what_people_read_of_numbers() -> None:
    """The numbers there are, sorted and at most so many, or that there is none; long texts are cut."""
    known = [BridgeNumber(f"+{each}", "b") for each in (3, 1, 2)] + [BridgeNumber("+0", "b", True)]
    assert tolls(known) == "+1, +2, +3"
    assert tolls(known, 2) == "+1, +2"
    assert tolls(known[3:]) == "none"
    with pytest.raises(InputError) as none:
        check_options(MoveOptions(service_number="+1"), [], NumberRules())
    assert str(none.value) == "service number +1 is on no bridge; there are none"
    with pytest.raises(InputError) as long:
        read_number("x" * 41)
    needed = "a number such as +14255550100 is needed, with its country code"
    assert str(long.value) == f"'{'x' * 40}': {needed}"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("UK", "'UK' is no country of ISO 3166; GB perhaps?"),
        ("XX", "'XX' is no country of ISO 3166"),
    ],
)
def test_a_country_that_does_not_exist(code: str, said: str) -> None:
    """The code that was meant is named where it is known; one that exists is returned."""
    with pytest.raises(InputError) as fault:
        check_country(code)
    assert str(fault.value) == said
    assert check_country("GB") == "GB"
