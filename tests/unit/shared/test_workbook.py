"""XLSX as another library reads it: texts as they were, in constant memory."""

import io
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from cli.errors import CommandError
from shared.views.numbers import international
from shared.workbook import Workbook

ROOT = Path(__file__).parents[3]
COLUMNS = ("user", "conference_id")
VALUES = ["0012345", "123456789012345", "+441632960000", "=1+1", "00", "1e5", "2026-11-23", "Zoë\t"]
MANY = """
import resource, sys, tempfile
from cli.results import COLUMNS
from shared.workbook import Workbook
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with tempfile.TemporaryFile() as file, Workbook(file) as book:
    for name in ("Moved", "Failed"):
        book.begin(name, COLUMNS)
    for at in range(100_000):
        row = {column: f"{column} of user number {at}" for column in COLUMNS}
        book.add("Failed" if at % 9 == 0 else "Moved", row)
print(base // 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_another_library_reads_what_was_written() -> None:
    """Leading zeros, 15 digits, a plus and what looks like a formula: texts, character by character."""
    file = io.BytesIO()
    with Workbook(file) as book:
        book.begin("Saved", COLUMNS)
        book.begin("Empty", COLUMNS)
        for value in VALUES:
            book.add("Saved", {"user": "a@x.example", "conference_id": value, "other": "x"})
    read = openpyxl.load_workbook(file)
    assert read.sheetnames == ["Saved", "Empty"]
    assert [cell.value for cell in read["Saved"]["B"]] == ["conference id", *VALUES[:-1], "Zoë\\t"]
    assert {cell.data_type for cell in read["Saved"]["B"]} <= {"s", "inlineStr"}
    assert [[cell.value for cell in row] for row in read["Empty"].rows] == [
        ["user", "conference id"]
    ]


def test_half_a_workbook_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """After an error nothing was written, and no file of a sheet is left."""
    file = io.BytesIO()
    book = Workbook(file)
    book.begin("Saved", COLUMNS)
    book.add("Saved", {"user": "a"})
    book.__exit__(CommandError)
    del book
    assert (file.getvalue(), capsys.readouterr()) == (b"", ("", ""))


@pytest.mark.large
def test_a_hundred_thousand_rows_in_200_megabytes() -> None:
    """Two sheets of together 100,000 rows with all columns, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MANY], cwd=ROOT, capture_output=True, text=True, check=True
    )
    _, most = map(int, done.stdout.split())
    assert most < 200


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("441632960000", "+441632960000"),
        ("+15550100123", "+15550100123"),
        ("01632960000", "01632960000"),
        ("911", "911"),
        ("1234567890123456", "1234567890123456"),
        ("", ""),
        ("tel", "tel"),
    ],
)
def test_numbers_with_their_country_get_the_plus(number: str, shown: str) -> None:
    """A national number, a short one and other texts stay as they are."""
    assert international(number) == shown
