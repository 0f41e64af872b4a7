"""A CSV file as the body of a request: what is wrong is told, and no more is read than it takes."""

import pytest

from functions.http.moves import from_csv
from functions.http.responses import PointedError
from functions.http.schemas import CsvParameters
from shared.errors import TooLargeError

GOOD = b"UPN\n" + b"".join(b"user%d@x.example\n" % number for number in range(3))


def test_the_names_of_a_file() -> None:
    """Each line's user, in order; lines that name none are passed over where that is wished."""
    names = [f"user{number}@x.example" for number in range(3)]
    assert from_csv(GOOD, CsvParameters()) == names
    assert from_csv(GOOD + b"adele\n", CsvParameters(skip_bad_lines=True)) == names


def test_wrong_lines_are_told_up_to_twenty() -> None:
    """Each with its number; of a file that is all wrong the first twenty."""
    with pytest.raises(PointedError) as told:
        from_csv(GOOD + b"adele\n", CsvParameters())
    assert [place for place, _ in told.value.faults] == ["/5"]
    with pytest.raises(PointedError) as told:
        from_csv(GOOD + b"adele\n" * 100, CsvParameters())
    assert len(told.value.faults) == 20


@pytest.mark.parametrize(
    ("line", "said"),
    [(b"a%d@x.example\n", "at most 10 users"), (b"x%d\n", "is it the right file")],
)
def test_too_much_is_refused(line: bytes, said: str) -> None:
    """More users than one request takes, or more lines that name nobody: refused, not handled."""
    body = b"UPN\n" + b"".join(line % number for number in range(11))
    with pytest.raises(TooLargeError, match=said):
        from_csv(body, CsvParameters(skip_bad_lines=True), most=10)
