"""Read the rows of any CSV file, with their line numbers; a fault affects one line only."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from shared.userlists.encoding import LINE_LENGTH, lines

ROW_LINES: Final = 100
"""Most lines of a row: the limit when searching for the end of a quoted field."""

_DELIMITERS = ",;\t"
_VERSION = re.compile(r'"?version: ?v?[\d.]+"?[\s,;]*', re.IGNORECASE)
"""The line before the header of Entra's templates ("Bulk create users", Microsoft Entra documentation)."""
_SEP = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)
_USER = re.compile(r"""#[^\s@,;"]+@[\w.-]+\s*(?:[,;|\t]|$)""")
"""A line that begins with a user: the sign # may begin a user name (Microsoft Entra)."""
_QUOTED = re.compile(r'"[^"]*(?:"|$)')


class Row(NamedTuple):
    """The fields of a row; `number` is the line in which it begins (1 is the first of the file)."""

    number: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line without a usable row, and why; `number` counts the file's lines (1 is the first)."""

    number: int
    reason: str


def rows(file: BinaryIO) -> Iterator[Row | BadLine]:
    """Yield the rows of a CSV file, split at the commas, semicolons or tabs outside quotes.

    Whichever of the three is the most frequent in the first row is the file's delimiter, unless a
    line such as `sep=;` before it names one, as in Excel. Skipped are blank lines, rows of blank
    fields, lines that begin with `#` (unless a user's name does), and `version:v1.0` before the first
    row. A line is bad when it is too long, contains a NUL or has an unbalanced quote: a field that does
    not end in that row's 100 lines and 65,536 characters, or with text after its end. Reading goes on
    in the next line, so that nothing is swallowed. InputError: see `find_encoding`.
    """
    source = _Source(lines(file))
    reader = None
    for line in source.rows():
        if not line or line.isspace() or (line.startswith("#") and not _USER.match(line)):
            continue
        if fault := _fault(line):
            yield BadLine(source.number, fault)
            continue
        if reader is None:
            if _VERSION.fullmatch(line):
                continue
            separator = _SEP.fullmatch(line)
            delimiter = separator[1] if separator else _most_frequent(line)
            reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True, strict=True)
            if separator:
                continue
        number = source.number
        try:
            fields = next(reader)
        except csv.Error:
            source.give_back()
            yield BadLine(number, "an unbalanced quote")
        else:
            if any(map(str.strip, fields)):
                yield Row(number, fields)


class _Source:
    """The lines of each row, as csv.reader requests them."""

    def __init__(self, source: Iterator[str]) -> None:
        self.number = 0
        self._source = source
        self._returned: deque[str] = deque()
        self._row: list[str] = []
        self._length = 0
        self._begun = False

    def rows(self) -> Iterator[str]:
        """Yield the line in which each row begins; `number` is its number during that time."""
        while (line := self._take()) is not None:
            self._row, self._length, self._begun = [line], len(line), False
            yield line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the row's first line, then those in which a quoted field continues, within the limits."""
        if not self._begun:
            self._begun = True
            return self._row[0]
        if (line := self._take()) is None:
            raise StopIteration
        self._row.append(line)
        self._length += len(line)
        if len(self._row) > ROW_LINES or self._length > LINE_LENGTH or _fault(line):
            raise StopIteration
        return f"\n{line}"

    def give_back(self) -> None:
        """Return all lines of the row except its first to the input."""
        self._returned.extendleft(reversed(self._row[1:]))
        self.number -= len(self._row) - 1

    def _take(self) -> str | None:
        line = self._returned.popleft() if self._returned else next(self._source, None)
        self.number += line is not None
        return line


def _most_frequent(line: str) -> str:
    return max(_DELIMITERS, key=_QUOTED.sub("", line).count)


def _fault(line: str) -> str:
    if len(line) > LINE_LENGTH:
        return f"longer than {LINE_LENGTH:,} characters"
    return "a NUL character" if "\0" in line else ""
