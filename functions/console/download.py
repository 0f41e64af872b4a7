"""Downloads: rows as CSV or XLSX, written while they are read, so that 100,000 of them take little memory."""

import asyncio
import csv
import io
import tempfile
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from typing import Final

from functions.console.asked import Asked, File
from shared.text import defused

MOST: Final = 100_000
"""Rows of a download at most."""

_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_AS_GZIP: Final = 31
"""Window bits with which zlib writes gzip (zlib manual, deflateInit2)."""
_AT_ONCE: Final = 1_000
_SHEET: Final = "Sheet"


async def as_file(
    stem: str, asked: Asked, columns: Sequence[str], rows: AsyncIterator[Sequence[object]]
) -> File:
    """Return rows as CSV or XLSX, whichever the address ends with. stem: of the name of the file."""
    if asked.parts[-1].endswith(".xlsx"):
        return File(f"{stem}.xlsx", _XLSX, await workbook(columns, rows), packed=False)
    return File(f"{stem}.csv", "text/csv", await packed_csv(columns, rows))


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


async def workbook(
    columns: Sequence[str], rows: AsyncIterator[Sequence[object]], most: int = MOST
) -> bytes:
    """Return the same as a workbook, whose cells are all text. Other requests are answered meanwhile."""
    from shared.workbook import Workbook  # noqa: PLC0415 - only a download needs it

    with tempfile.TemporaryFile() as file, ExitStack() as stack:
        book = stack.enter_context(Workbook(file))
        book.begin(_SHEET, columns)

        def write(some: Sequence[Sequence[object]]) -> None:
            for row in some:
                book.add(_SHEET, dict(zip(columns, row, strict=False)))

        some: list[Sequence[object]] = []
        number = 0
        async for row in rows:
            if number == most:
                some.append([f"only the first {most:,} rows are here"])
                break
            some.append(row)
            number += 1
            if len(some) == _AT_ONCE:
                await asyncio.to_thread(write, some)
                some = []
        write(some)
        await asyncio.to_thread(stack.pop_all().close)
        file.seek(0)
        return file.read()


def _taken(text: io.StringIO) -> bytes:
    """Return what was written, and empty the buffer."""
    written = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return written
