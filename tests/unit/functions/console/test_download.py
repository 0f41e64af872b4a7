"""A download has all rows up to a limit, says where it was cut, and holds no formula."""

import gzip
from collections.abc import AsyncIterator, Sequence

from functions.console.download import packed_csv


async def numbered(count: int) -> AsyncIterator[Sequence[object]]:
    """So many rows."""
    for number in range(count):
        yield number, "=1+1"


async def lines(count: int, most: int) -> list[str]:
    """The lines of a download."""
    packed = await packed_csv(("Number", "Why"), numbered(count), most)
    return gzip.decompress(packed).decode().split("\r\n")


async def test_all_rows_are_there_and_no_cell_is_a_formula() -> None:
    """Rows beyond a chunk come in order; the last line is not a remark."""
    found = await lines(2_500, 2_500)
    assert found[:3] == ["Number,Why", "0,'=1+1", "1,'=1+1"]
    assert found[2_500:] == ["2499,'=1+1", ""]


async def test_what_is_cut_says_so() -> None:
    """One row more than permitted: the last line tells."""
    assert (await lines(4, 3))[4:] == ['"only the first 3 rows are here"', ""] or (
        await lines(4, 3)
    )[4:] == ["only the first 3 rows are here", ""]
