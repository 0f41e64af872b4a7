"""XLSX workbooks: every cell a text, so that no spreadsheet changes a number; constant memory."""

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final, Self

from shared.errors import TooLargeError
from shared.text import plain

_MOST_ROWS: Final = 1_048_576
_LONGEST: Final = 32_767
"""Rows of a sheet and characters of a cell, at most (Excel specifications and limits)."""

_WIDTHS: Final = {"user": 34, "id": 38, "reason": 50, "name": 24, "run": 36, "time": 22, "url": 30}
_WIDTH: Final = 16


class Workbook:
    """A workbook that is written row by row to a seekable file. Context manager: complete in the end."""

    def __init__(self, file: BinaryIO) -> None:
        import xlsxwriter  # noqa: PLC0415 - other forms do not need it

        # Rows wait in files of their sheets, which the end puts together.
        self._folder = tempfile.TemporaryDirectory(prefix="acp-")
        options = {"constant_memory": True, "tmpdir": self._folder.name}
        self._book: Any = xlsxwriter.Workbook(file, options)
        self._text = self._book.add_format({"num_format": "@"})
        self._bold = self._book.add_format({"bold": True, "num_format": "@"})
        self._sheets: dict[str, tuple[Any, Sequence[str], int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._folder, tempfile.TemporaryFile() as nowhere:
            if kind is not None:
                self._book.filename = (
                    nowhere  # nothing half is written, and the rows' files are closed
                )
            self._book.close()

    def begin(self, name: str, columns: Sequence[str]) -> None:
        """Add a sheet with a header; sheets stand in the order in which they are begun."""
        sheet = self._book.add_worksheet(name)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, _WIDTHS.get(column, _WIDTH), self._text)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.replace("_", " "), self._bold)
        self._sheets[name] = (sheet, columns, 1)

    def add(self, name: str, row: Mapping[str, object]) -> None:
        """Add a row to a sheet; TooLargeError: it is full."""
        sheet, columns, at = self._sheets[name]
        if at == _MOST_ROWS:
            raise TooLargeError(
                f"more than {_MOST_ROWS - 1:,} rows do not fit into a sheet: use csv"
            )
        for place, column in enumerate(columns):
            if text := plain(row.get(column)):
                sheet.write_string(at, place, text[:_LONGEST], self._text)
        self._sheets[name] = (sheet, columns, at + 1)
