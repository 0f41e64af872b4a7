"""Downloads: rows as CSV, packed while they are read, so that 100,000 of them take little memory."""

import csv
import io
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

from shared.text import defused

MOST: Final = 100_000
"""Rows of a download at most."""

_AS_GZIP: Final = 31
"""Window bits with which zlib writes gzip (zlib manual, deflateInit2)."""
_AT_ONCE: Final = 1_000


async def packed_csv(
    columns: Sequence[str], rows: AsyncIterator[Sequence[object]], most: int = MOST
) -> bytes:
    """Return at most `most` rows as CSV in gzip; no cell is taken for a formula by a spreadsheet.

    The last line says so where there are more.
    """
    packer = zlib.compressobj(wbits=_AS_GZIP)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    packed = bytearray()
    number = 0
    async for row in rows:
        if number == most:
            writer.writerow([f"only the first {most:,} rows are here"])
            break
        writer.writerow([defused(cell) for cell in row])
        number += 1
        if number % _AT_ONCE == 0:
            packed += packer.compress(_taken(text))
    return bytes(packed + packer.compress(_taken(text)) + packer.flush())


def _taken(text: io.StringIO) -> bytes:
    """Return what was written, and empty the buffer."""
    written = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return written
