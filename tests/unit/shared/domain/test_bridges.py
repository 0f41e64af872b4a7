"""Numbers that are requested, against those of the tenant's bridges."""

import pytest

from shared.domain.bridges import (
    BridgeNumber,
    bridge_of,
    check_options,
    own_number_faults,
    read_number,
    rule_faults,
)
from shared.domain.number_rules import NumberRules
from shared.domain.options import MoveOptions, OwnNumbers
from shared.errors import InputError

TOLL, TOLL_FREE, ELSEWHERE = "+14255550100", "+18005550100", "+4969120012345"
KNOWN = [
    BridgeNumber(TOLL, "one"),
    BridgeNumber(TOLL_FREE, "one", toll_free=True),
    BridgeNumber(ELSEWHERE, "two"),
]


@pytest.mark.parametrize(
    "options",
    [
        MoveOptions(),
        MoveOptions(service_number=TOLL),
        MoveOptions(service_number=ELSEWHERE),
        MoveOptions(toll_free_number=TOLL_FREE),
        MoveOptions(service_number=TOLL, toll_free_number=TOLL_FREE),
    ],
)
def test_numbers_of_a_bridge_are_taken(options: MoveOptions) -> None:
    """No number, or numbers of one bridge, each of its kind."""
    check_options(options, KNOWN, NumberRules())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (MoveOptions(service_number="+14255550199"), r"there are \+14255550100, \+4969120012345$"),
        (MoveOptions(service_number=TOLL_FREE), "service number .* is on no bridge"),
        (MoveOptions(toll_free_number=TOLL), r"toll-free number .* there are \+18005550100$"),
        (MoveOptions(False, ELSEWHERE, TOLL_FREE), "on another bridge than"),
    ],
)
def test_others_are_refused(options: MoveOptions, said: str) -> None:
    """A number on no bridge, of the wrong kind or of another bridge is reported with those there are."""
    with pytest.raises(InputError, match=said):
        check_options(options, KNOWN, NumberRules())


def test_toll_free_number_fits_the_rules() -> None:
    """Where the rules give the toll number, a toll-free number of another bridge is refused, too."""
    options = MoveOptions(toll_free_number=TOLL_FREE)
    check_options(options, KNOWN, NumberRules.parse({"*": TOLL}))
    with pytest.raises(InputError, match="on another bridge than"):
        check_options(options, KNOWN, NumberRules.parse({"US": TOLL, "DE": ELSEWHERE}))
    check_options(MoveOptions(False, TOLL, TOLL_FREE), KNOWN, NumberRules.parse({"DE": ELSEWHERE}))


def test_numbers_of_single_users_are_checked_alike() -> None:
    """Every fault of every user, with the line where there is one; the rules give the missing toll number."""
    own = {
        "a@x": OwnNumbers("+1", TOLL_FREE, 2),
        "b@x": OwnNumbers(TOLL_FREE, TOLL),
        "c@x": OwnNumbers(ELSEWHERE, TOLL_FREE, 4),
        "d@x": OwnNumbers(None, TOLL_FREE, 5),
        "e@x": OwnNumbers(TOLL, TOLL_FREE, 6),
        "f@x": OwnNumbers(ELSEWHERE, None, 7),
    }
    rules = NumberRules.parse({"DE": ELSEWHERE})
    assert own_number_faults(MoveOptions(own_numbers=own), KNOWN, rules) == [
        "line 2, a@x: TollNumber +1 is on no bridge",
        f"b@x: TollNumber {TOLL_FREE} is on no bridge",
        f"b@x: TollFreeNumber {TOLL} is on no bridge",
        f"line 4, c@x: toll-free number {TOLL_FREE} is on another bridge than {ELSEWHERE}",
        f"line 5, d@x: toll-free number {TOLL_FREE} is on another bridge than {ELSEWHERE}",
    ]


def test_a_user_gets_the_own_numbers_or_those_of_all() -> None:
    """By the name in lower case; a dry run shows them."""
    own = OwnNumbers(None, TOLL_FREE, 2)
    options = MoveOptions(False, TOLL, TOLL_FREE, own_numbers={"a@x": own})
    shared = OwnNumbers(TOLL, TOLL_FREE)
    assert [options.numbers_of(name) for name in ("A@x", "b@x")] == [own, shared]
    assert [str(each) for each in (own, shared, OwnNumbers())] == [
        f"toll-free number {TOLL_FREE}",
        f"toll number {TOLL}, toll-free number {TOLL_FREE}",
        "",
    ]


def test_rules_need_toll_numbers() -> None:
    """A rule whose number is on no bridge, or is a toll-free one, is told as it was written."""
    rules = NumberRules.parse({"US": TOLL, "GB": "+442079460000", "*": TOLL_FREE})
    assert rule_faults(rules, KNOWN) == ["GB=+442079460000", f"*={TOLL_FREE}"]


def test_number_and_its_bridge() -> None:
    """The bridge of a number; one that is on none is an error."""
    assert bridge_of(ELSEWHERE, KNOWN) == "two"
    with pytest.raises(InputError, match="on no bridge of the tenant"):
        bridge_of("+1", KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "+33199004887",
        "33199004887",
        "tel:+33199004887",
        "TEL:33199004887",
        " +33 1 99 00 48 87 ",
        "+33\u00a01\u202f99-00.48\u201187",
        "+33 (1) 99004887",
        '"+33 1 99 00 48 87"',
        "'tel:+33199004887'",
        "\u202a+33 1\u20139900\u20074887\u202c",
        "\u2068\u200e+33199004887\u2069",
    ],
)
def test_numbers_as_microsofts_module_takes_and_shows_them(text: str) -> None:
    """K11: with or without plus sign and `tel:`, and with what people write between the digits."""
    assert read_number(text) == "+33199004887"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "tel:",
        "0033199004887",
        "01 99 00 48 87",
        "+44 (0)20 7946 0000",
        "+33199004887;ext=12",
        "sip:+33199004887",
        "tel:tel:+33199004887",
        "++33199004887",
        "33+199004887",
        "123456",
        "+1234567890123456",
        "+\u0663\u0663199004887",
        "+33199OO4887",
        '"+33199004887',
        "+33199'004'887",
        "\"'+33199004887'\"",
        "\uff0b33199004887",
    ],
)
def test_what_is_no_number_is_shown(text: str) -> None:
    """K11: a number without its country, with an extension or a prefix to dial, is never guessed at."""
    with pytest.raises(InputError) as told:
        read_number(text)
    assert repr(text) in str(told.value)
