"""Read the lines of a text file of unknown encoding, in pieces."""

import codecs
from collections.abc import Iterator
from io import IncrementalNewlineDecoder
from typing import BinaryIO, Final

from shared.errors import InputError

LINE_LENGTH: Final = 65_536
"""Most characters of a line that is read whole."""

_MARK: Final = "\ufeff"
_PIECE = 32_768
_SAMPLE = 4_096
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def find_encoding(file: BinaryIO) -> str:
    """Return the encoding in which all of `file` can be read: a codec's name.

    A byte order mark decides, and so do NUL bytes in every other place (UTF-16 without a mark). Any
    other file is UTF-8 or, where it cannot be, Windows-1252. InputError gives the line in which the
    last of these fails; or the file is a workbook, which is no text. The file is read from its
    beginning, in pieces.
    """
    file.seek(0)
    if file.read(4) in _WORKBOOKS:
        raise InputError("the file is an Excel workbook: save it as CSV UTF-8")
    candidates = _candidates(file)
    faults = []
    for encoding in candidates:
        line = _first_fault(file, encoding)
        if line is None:
            return encoding
        faults.append(line)
    raise InputError(
        f"line {max(faults)}: cannot be read as {' or '.join(candidates)}: save the file as UTF-8"
    )


def lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of `file` without their ends, which are CR, LF or both, and without byte order marks.

    There may be several: a program that adds one to a file that has one, or joins two files.

    Of a line of more than LINE_LENGTH characters only the beginning comes, which is longer than
    LINE_LENGTH too. InputError: see `find_encoding`.
    """
    rest = ""
    for text in _decoded(file, find_encoding(file)):
        *whole, rest = (rest + text).split("\n")
        yield from (line.lstrip(_MARK) for line in whole)
        rest = rest[: LINE_LENGTH + 1]
    if rest := rest.lstrip(_MARK):
        yield rest


def _candidates(file: BinaryIO) -> tuple[str, ...]:
    mark = _pass_mark(file)
    if mark:
        return (_MARKS[mark],)
    sample = file.read(_SAMPLE)
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    most, least = max(even, odd), min(even, odd)
    if most and 8 * most >= len(sample) and 4 * least <= most:
        return ("utf-16-le",) if odd > even else ("utf-16-be",)
    return ("utf-8", "windows-1252")


def _first_fault(file: BinaryIO, encoding: str) -> int | None:
    """Return the first line that `encoding` cannot read, or None."""
    line = 1
    try:
        for text in _decoded(file, encoding):
            line += text.count("\n")
    except UnicodeDecodeError:
        return line
    return None


def _decoded(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Yield the text of `file` in pieces, line ends as LF; before a UnicodeDecodeError all that is good."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line_ends = IncrementalNewlineDecoder(None, translate=True)
    _pass_mark(file)
    last = False
    while not last:
        piece = file.read(_PIECE)
        last = not piece
        try:
            text = decoder.decode(piece, final=last)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(encoding)
            yield line_ends.decode(good, final=True)
            raise
        yield line_ends.decode(text, final=last)


def _pass_mark(file: BinaryIO) -> bytes:
    """Return the byte order mark that `file` begins with, if any; the file is to be read from there."""
    file.seek(0)
    start = file.read(3)
    mark = next((mark for mark in _MARKS if start.startswith(mark)), b"")
    file.seek(len(mark))
    return mark
