"""Format values as text; make foreign text harmless wherever it leaves the system.

Names, numbers, addresses and error codes come from services and from people. What could steer a terminal
or fake text (escapes, line ends, bidirectional overrides, invisible characters) leaves as a visible
escape such as `\\x1b`. JSON keeps the value: there the same characters are escaped as JSON permits.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

_BYTES: Final = 16
_GUID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_SIGNS: Final = "=+@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212-"
"""What begins a formula in a spreadsheet: some take the full-width and small forms for the others."""

_FORMULA: Final = re.compile(rf"(^|[;,|\t])(\s*)(?='*\s*[{_SIGNS}])")
"""Also behind what another country's spreadsheet takes for the end of a field."""

_SPANS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))

_HARMFUL: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1 control characters: ESC, CR, LF, CSI, OSC, NEL
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, overrides, isolates
    "\u2028\u2029"  # line and paragraph separators
    # Other format characters, of which some take the letter behind them along:
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f"
    # Invisible (Unicode property Default_Ignorable_Code_Point) and interlinear annotations:
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff"  # half a character, which no terminal and no file takes
    "]"
)


def harmless(text: str) -> str:
    """Return foreign text in one line that steers no terminal and fakes nothing."""
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def harmless_lines(text: str) -> str:
    """Return our own text of several lines, each harmless; foreign text in it must be made so before."""
    return "\n".join(map(harmless, text.split("\n")))


def harmless_json(text: str) -> str:
    """Return a JSON text with the same values that steers no terminal; its own line ends stay."""
    return _HARMFUL.sub(_json_escape, text)


def plain(value: object) -> str:
    """Return a value as harmless text: empty for None, yes or no, times in ISO 8601 (UTC)."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(timespec="seconds").replace("+00:00", "Z")
        case _:
            return harmless(str(value))


def defused(value: object) -> str:
    """Return a value as a CSV field that no spreadsheet takes for a formula.

    An apostrophe marks what would begin one as text (OWASP, "CSV injection").
    """
    return _FORMULA.sub(r"\1\2'", plain(value))


def _json_escape(match: re.Match[str]) -> str:
    if match[0] == "\n":
        return match[0]
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: 1 user, 2 users. many: the plural, if it has not just an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def relative(seconds: float, soon: str = "in a moment") -> str:
    """Return a span of time in words: `5 minutes ago`, `in 2 hours`. soon: of less than a minute to come."""
    for length, noun in _SPANS:
        if abs(seconds) >= length:
            span = counted(int(abs(seconds) // length), noun)
            return f"{span} ago" if seconds > 0 else f"in {span}"
    return "just now" if seconds >= 0 else soon


def is_canonical(text: str) -> bool:
    """Return whether a text is a GUID in its usual form: small letters, hyphens."""
    return _GUID.fullmatch(text) is not None


@lru_cache(maxsize=4_096)
def packed(user_id: str) -> bytes:
    """Return the 16 bytes of a GUID in any form. ValueError: it is none.

    A sweep asks for those of each user of a page half a dozen times.
    """
    digits = user_id.replace("-", "")
    key = bytes.fromhex(digits) if len(digits) == 2 * _BYTES else UUID(user_id).bytes
    if len(key) != _BYTES:
        raise ValueError("there are spaces among the digits")
    return key


def unpacked(key: bytes) -> str:
    """Return the GUID of these 16 bytes in its usual form. ValueError: there are more or fewer."""
    if len(key) != _BYTES:
        raise ValueError(f"a GUID has {_BYTES} bytes, not {len(key)}")
    digits = key.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def canonical(text: str) -> str:
    """Return a GUID in its usual form. ValueError: it is none."""
    return text if _GUID.fullmatch(text) else str(UUID(text))
