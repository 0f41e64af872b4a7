"""Check default numbers against the numbers of the tenant's conference bridges."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.number_rules import NumberRules
from shared.domain.options import TOLL, TOLL_FREE, MoveOptions
from shared.errors import InputError

_E164: Final = re.compile(r"\+?([1-9][0-9]{6,14})")
_TEL: Final = re.compile(r"\s*tel:", re.IGNORECASE)
_BLANKS: Final = " \t\u00a0\u2007\u2009\u202f-\u2010\u2011\u2012\u2013.()"
_UNSEEN: Final = "\u200b\u200e\u200f\u202a\u202c\u202d\u2060\u2066\u2068\u2069\ufeff"
_BETWEEN: Final = str.maketrans("", "", _BLANKS + _UNSEEN)
"""What people and the admin center write between the digits, and what comes along unseen when a number
is copied: marks of direction above all."""


def read_number(text: str) -> str:
    """Return a phone number in E.164 with the plus sign.

    It may be written as the MicrosoftTeams module takes and shows it (`33199004887`, `+33199004887`,
    `tel:+33199004887`) or with blanks, hyphens, dots and parentheses between its digits. InputError
    shows anything else: an extension, a prefix `00` or `(0)`, a number without its country.
    """
    plain = text.translate(_BETWEEN)
    if plain[:1] in ("'", '"') and plain[-1:] == plain[:1]:
        plain = plain[1:-1]
    found = _E164.fullmatch(_TEL.sub("", plain, count=1))
    if found is None or "(0)" in text:
        raise InputError(
            f"{text[:40]!r}: a number such as +14255550100 is needed, with its country code"
        )
    return f"+{found[1]}"


@dataclass(frozen=True, slots=True)
class BridgeNumber:
    """A dial-in number (E.164, +) and the id of its bridge. city, language: "" where they are not told."""

    number: str
    bridge: str
    toll_free: bool = False
    city: str = field(default="", compare=False)
    language: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """City and language, for people."""
        return ", ".join(text for text in (self.city, self.language) if text)


def rule_faults(rules: NumberRules, known: Sequence[BridgeNumber]) -> list[str]:
    """Return the number rules (as `WHOM=NUMBER`) whose number is no toll number of any bridge."""
    numbers = {each.number for each in known if not each.toll_free}
    return [f"{whom}={number}" for whom, number in rules.written() if number not in numbers]


def tolls(known: Iterable[BridgeNumber], at_most: int | None = None) -> str:
    """Return the available toll numbers as text: sorted, at most `at_most`."""
    return (
        ", ".join(sorted(each.number for each in known if not each.toll_free)[:at_most]) or "none"
    )


def check_options(options: MoveOptions, known: Sequence[BridgeNumber], rules: NumberRules) -> None:
    """Raise InputError, which lists the available numbers, when a requested number is on no bridge.

    Or when a user could get numbers of two bridges. rules: the number rules, which supply the toll
    number if none is requested.
    """
    toll = _find(options.service_number, known, toll_free=False)
    toll_free = _find(options.toll_free_number, known, toll_free=True)
    if toll_free is None:
        return
    given = {toll.number} if toll else {number for _, number in rules.written()}
    for each in known:
        if each.number in given and each.bridge != toll_free.bridge:
            raise InputError(
                f"toll-free number {toll_free.number} is on another bridge than {each.number}"
            )


def own_number_faults(
    options: MoveOptions, known: Sequence[BridgeNumber], rules: NumberRules
) -> list[str]:
    """Return what is wrong with the numbers of single users, each with line, user, column and value."""
    faults = []
    numbers = {
        kind: {each.number for each in known if each.toll_free is kind} for kind in (False, True)
    }
    for name, own in options.own_numbers.items():
        where = f"line {own.line}, {name}" if own.line else name
        given = ((TOLL, own.toll, False), (TOLL_FREE, own.toll_free, True))
        wrong = [
            f"{where}: {column} {number} is on no bridge"
            for column, number, kind in given
            if number and number not in numbers[kind]
        ]
        faults += wrong
        try:
            if not wrong:
                asked = MoveOptions(service_number=own.toll, toll_free_number=own.toll_free)
                check_options(asked, known, rules)
        except InputError as error:
            faults.append(f"{where}: {error}")
    return faults


def numbers_of(known: Iterable[BridgeNumber], *, toll_free: bool) -> str:
    """Return the available numbers of a kind as text."""
    return ", ".join(sorted(each.number for each in known if each.toll_free is toll_free)) or "none"


def bridge_of(number: str, known: Iterable[BridgeNumber]) -> str:
    """Return the id of the bridge a number is on; InputError: it is on none."""
    for each in known:
        if each.number == number:
            return each.bridge
    raise InputError(f"number {number} is on no bridge of the tenant")


def _find(
    number: str | None, known: Sequence[BridgeNumber], *, toll_free: bool
) -> BridgeNumber | None:
    if number is None:
        return None
    fitting = [each for each in known if each.toll_free is toll_free]
    for each in fitting:
        if each.number == number:
            return each
    kind = "toll-free number" if toll_free else "service number"
    listed = numbers_of(known, toll_free=toll_free)
    raise InputError(f"{kind} {number} is on no bridge; there are {listed}")
