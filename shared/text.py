"""Format values as text for tables and spreadsheets."""

from datetime import datetime
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain(value: object) -> str:
    """Return a value as text: empty for None, yes or no, times in ISO 8601 (UTC)."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(timespec="seconds").replace("+00:00", "Z")
        case _:
            return str(value)


def defused(value: object) -> str:
    """Return a value as a CSV field that no spreadsheet takes for a formula.

    A leading apostrophe marks it as text (OWASP, "CSV injection").
    """
    text = plain(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
