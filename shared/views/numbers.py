"""Numbers as people and other programs read them."""

from typing import Final

from shared.domain.history import DialIn
from shared.domain.user import MICROSOFT, ProviderEntry
from shared.text import harmless

_E164_LENGTHS: Final = (7, 15)
"""Digits of a number with its country code (ITU-T E.164; the shortest that are in use)."""


def dialed(dial_in: DialIn, number: str) -> str:
    """Return a number that meetings showed; a third party's as it is."""
    return international(number) if dial_in.provider == MICROSOFT else harmless(number)


def number_of(entry: ProviderEntry | None, kind: str) -> str:
    """Return a number of an entry; a third party's as it is, because nobody says in which form it is."""
    if entry is None:
        return ""
    number: str = getattr(entry, kind)
    return international(number) if entry.is_microsoft else harmless(number)


def international(number: str) -> str:
    """Return a number with the plus sign if it has its country; a national one as it is."""
    least, most = _E164_LENGTHS
    has_country = number.isascii() and number.isdigit() and number[0] != "0"
    return f"+{number}" if has_country and least <= len(number) <= most else harmless(number)
