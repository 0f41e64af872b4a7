"""Read the users in a CSV file, whatever program and language it was written with."""

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple

from shared.domain.bridges import read_number
from shared.domain.options import TOLL, TOLL_FREE, OwnNumbers
from shared.errors import InputError
from shared.text import defused
from shared.userlists.names import shown, user_name
from shared.userlists.rows import BadLine, Row, rows

__all__ = ["COLUMNS", "BadLine", "CsvUser", "csv_users", "own_numbers"]

COLUMNS: Final = (
    "UserPrincipalName",
    "UPN",
    "memberObjectIdOrUpn",
    "MicrosoftOnlineServicesID",
    "WindowsLiveID",
    "SignInName",
    "PrimarySmtpAddress",
    "WindowsEmailAddress",
    "mail",
    "email",
    "EmailAddress",
    "SipAddress",
    "SipProxyAddress",
    "msRTCSIP-PrimaryUserAddress",
    "user",
    "UserName",
    "ExternalDirectoryObjectId",
    "ObjectId",
    "UserId",
    "Identity",
    "Id",
)
"""Known names of user columns, the best first: those of Graph, Entra, Exchange, Teams and PowerShell.

Case, spaces, `_` and `-` do not matter: "Object ID" and "E-mail" are among them. Exchange's `Identity` is a
display name, so its addresses come first. A header of Entra's templates counts by the property in its
brackets, in whatever language it is: `User name [userPrincipalName] Required`.
"""

_PROPERTY: Final = re.compile(r"\[(\w+)\]")
_EXAMPLE: Final = re.compile(r"\s*(\w+)\s*[:\uff1a]")
_LISTED = 20


class CsvUser(NamedTuple):
    """A user in a file, by the line; own: numbers of the user's own; None: the file gives none."""

    line: int
    name: str
    own: OwnNumbers | None = None


class _Columns(NamedTuple):
    """Where the names are, and the numbers, if the file has such columns."""

    user: int
    numbers: tuple[tuple[str, int], ...] = ()


def csv_users(file: BinaryIO, column: str | None = None) -> Iterator[CsvUser | BadLine]:
    """Yield the user in each row of a CSV file (see `user_name`), or why a line yields none.

    file: seekable, read from its beginning, more than once and in pieces: memory does not grow. column:
    the header of the column with the names, in any spelling that COLUMNS may have. Without it the first
    row is a header when one of COLUMNS is in it and no name of a user; the first of COLUMNS that is
    there counts.
    Without a header it is the first column in which the first row names a user. Columns TOLL and TOLL_FREE
    have the numbers that each user is to get; an empty field is none. A file without rows yields nothing.
    InputError, at the first row: no such column, or none is known to hold names; the text lists what there
    is. InputError, before: a file that cannot be decoded, see `find_encoding`.
    """
    columns: _Columns | None = None
    unread = is_template = False
    for row in rows(file):
        if isinstance(row, BadLine):
            unread = True
            yield row
        elif columns is None:
            index, is_header = _find_column(row, column, header_lost=unread)
            columns = _Columns(index, _number_columns(row) if is_header else ())
            is_template = is_header and any(map(_PROPERTY.search, row.fields))
            if not is_header:
                yield _user(row, columns)
        else:
            if not is_template or not (example := _EXAMPLE.match(row.fields[0])):
                yield _user(row, columns)
            elif example[1].casefold() != "example":
                yield BadLine(row.number, "the template's example, it seems: delete this line")
            is_template = False


def _find_column(row: Row, column: str | None, *, header_lost: bool) -> tuple[int, bool]:
    """Return the column of the names, from the first row, and whether that row is a header."""
    if column is not None:
        return _named_column(row, column), True
    for index, field in enumerate(row.fields):
        if _is_name(field):
            if header_lost and len(row.fields) > 1:
                raise InputError(
                    f"line {row.number}: a line before it, the header perhaps, cannot be read: "
                    "fix it, for the header says which column holds the users"
                )
            return index, False
    headers = [_plain(field) for field in row.fields]
    for name in map(_plain, COLUMNS):
        if name in headers:
            return headers.index(name), True
    raise InputError(
        f"line {row.number}: no column of users: {_listed(row)}; understood are "
        f"{', '.join(COLUMNS)}; name the column if it is another one"
    )


def _named_column(row: Row, column: str) -> int:
    """Return the column with that header; one that is spelled exactly so comes first."""
    for spelled in (_exact, _plain):
        headers = [spelled(field) for field in row.fields]
        if headers.count(spelled(column)) > 1 and spelled is _plain:
            raise InputError(
                f"line {row.number}: column {shown(column)} could be several: {_listed(row)}"
            )
        if spelled(column) in headers:
            return headers.index(spelled(column))
    raise InputError(f"line {row.number}: no column {shown(column)}: {_listed(row)}")


def own_numbers(users: Iterable[CsvUser]) -> dict[str, OwnNumbers]:
    """Return the numbers that a file gives single users, by name (lower case).

    InputError: it gives a user who is named twice different ones.
    """
    found: dict[str, OwnNumbers] = {}
    for user in users:
        if user.own is None:
            continue
        known = found.setdefault(user.name.lower(), user.own)
        if (known.toll, known.toll_free) != (user.own.toll, user.own.toll_free):
            raise InputError(
                f"lines {known.line} and {user.line} give {shown(user.name)} different numbers: {known}; "
                f"{user.own}"
            )
    return found


def _number_columns(row: Row) -> tuple[tuple[str, int], ...]:
    """Return the columns with numbers. InputError: one is there twice."""
    headers = ["".join(field.split()).casefold() for field in row.fields]
    for name in (TOLL, TOLL_FREE):
        if headers.count(name.casefold()) > 1:
            raise InputError(f"line {row.number}: column {name} is there twice")
    wanted = ((name, name.casefold()) for name in (TOLL, TOLL_FREE))
    return tuple((name, headers.index(key)) for name, key in wanted if key in headers)


def _user(row: Row, columns: _Columns) -> CsvUser | BadLine:
    name = _name(row, columns.user)
    if isinstance(name, BadLine) or not columns.numbers:
        return name if isinstance(name, BadLine) else CsvUser(row.number, name)
    numbers: dict[str, str] = {}
    for header, index in columns.numbers:
        field = _bare(row.fields[index]).strip() if index < len(row.fields) else ""
        if field:
            try:
                numbers[header] = read_number(field)
            except InputError as error:
                return BadLine(row.number, f"column {header}: {error}")
    own = OwnNumbers(numbers.get(TOLL), numbers.get(TOLL_FREE), row.number) if numbers else None
    return CsvUser(row.number, name, own)


def _name(row: Row, index: int) -> str | BadLine:
    if index >= len(row.fields):
        have = len(row.fields)
        return BadLine(
            row.number, f"too few columns: {have}, and the user is in column {index + 1}"
        )
    field = row.fields[index]
    if not field or field.isspace():
        return BadLine(row.number, f"no user in column {index + 1}")
    try:
        return user_name(_bare(field))
    except InputError as error:
        return BadLine(row.number, str(error))


def _bare(field: str) -> str:
    """Return a field without the apostrophe by which our own CSV marks what begins like a formula."""
    return field[1:] if defused(field[1:]) == field else field


def _is_name(field: str) -> bool:
    try:
        user_name(_bare(field))
    except InputError:
        return False
    return True


def _exact(header: str) -> str:
    return header.strip().casefold()


def _plain(header: str) -> str:
    if found := _PROPERTY.search(header):
        header = found[1]
    return "".join(header.split()).replace("_", "").replace("-", "").casefold()


def _listed(row: Row) -> str:
    listed = ", ".join(shown(field.strip()) for field in row.fields[:_LISTED])
    more = len(row.fields) - _LISTED
    return f"the columns are {listed}" + (f" and {more} more" if more > 0 else "")
