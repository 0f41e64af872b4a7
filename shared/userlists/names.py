"""Parse user names (user ids or addresses), and lists of names in one text."""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from shared.errors import InputError

NAME_LENGTH: Final = 113
"""Characters of the longest user principal name ("Prepare for directory synchronization to Microsoft 365",
learn.microsoft.com/microsoft-365/enterprise/prepare-for-directory-synchronization)."""

_SHOWN = 80
_SCHEMES = re.compile(r"(?:sip|smtp):(?=[^:]+@)", re.IGNORECASE)
"""What the SIP and proxy addresses of Get-CsOnlineUser and Get-Mailbox begin with."""

_ADDRESS = re.compile(r'[^@\s()<>\[\]:;,\\"]+@[\w-]+(?:\.[\w-]+)*')
_GUID = re.compile(
    r"(?:urn:uuid:)?[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}",
    re.ASCII | re.IGNORECASE,
)


def user_name(text: str) -> str:
    """Return the name of a user without surrounding whitespace.

    It is a user id, returned lower-case with hyphens (accepted also in upper case, without hyphens, in
    braces or parentheses, as a URN), or an address `local@domain`, returned unchanged but for a `sip:`
    or `smtp:` before it: a user principal name, also of a guest, or a SIP, mail or proxy address. An
    address has at most 113 characters, all of them visible and none of `()<>[]:;,\\"`, which no kind of
    address may hold. Whether there is such a user is ignored. InputError shows anything else and says
    what is expected.
    """
    name = _SCHEMES.sub("", text.strip(), count=1) if "@" in text else text.strip()
    if "@" in name:
        if len(name) <= NAME_LENGTH and name.isprintable() and _ADDRESS.fullmatch(name):
            return name
    elif _GUID.fullmatch(bare := _without_brackets(name)):
        return str(UUID(bare))
    raise InputError(
        f"{shown(name)} names no user: expected a user id (GUID) or an address local@domain "
        f"of at most {NAME_LENGTH} characters without blanks"
    )


def split_names(text: str) -> Iterator[str]:
    """Yield the names in a text that are separated by commas, semicolons or whitespace.

    Empty parts do not count. InputError gives the position of an invalid name (1 is the first).
    """
    for position, part in enumerate(re.finditer(r"[^,;\s]+", text), start=1):
        try:
            yield user_name(part[0])
        except InputError as error:
            raise InputError(f"name {position}: {error}") from None


def distinct(names: Iterable[str]) -> Iterator[str]:
    """Yield each name once, in its first spelling and in the given order.

    Upper and lower case are the same; `ß` and `ss` are not, because they are two users.
    """
    seen: set[str] = set()
    for name in names:
        key = name.lower()
        if key not in seen:
            seen.add(key)
            yield name


def shown(text: str) -> str:
    """Return external text for a message: quoted, in one line, at most 80 characters."""
    quoted = repr(text[:_SHOWN])
    return quoted if len(quoted) <= _SHOWN else f"{quoted[: _SHOWN - 3]}..."


def _without_brackets(text: str) -> str:
    return text[1:-1] if text[:1] + text[-1:] in {"{}", "()"} else text
