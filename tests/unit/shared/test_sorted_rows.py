"""Rows that begin with ids: each is found at its place, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from shared.sorted_rows import SortedRows

keys = st.binary(min_size=3, max_size=3)
near = st.tuples(
    st.sampled_from(b"\x00\x01\xfe\xff"), st.sampled_from(b"\x00\xff"), st.integers(0, 3)
)


@given(st.sets(keys | near.map(bytes)), keys | near.map(bytes))
def test_each_row_is_found_at_its_place(known: set[bytes], other: bytes) -> None:
    """Also next to rows whose keys begin in the same way; a row is its key and what follows it."""
    rows = SortedRows(3, 5)
    assert all(rows.add(key + key[:2]) for key in sorted(known))
    assert len(rows) == len(known)
    assert [rows[at] for at in range(len(rows))] == [key + key[:2] for key in sorted(known)]
    found = [rows.find(key) for key in sorted(known)]
    assert found == [(at, rows[at]) for at in range(len(rows))]
    assert (rows.find(other) is not None) is (other in known)


def test_what_is_not_behind_the_last_row_or_of_another_width_is_left_out() -> None:
    """The same key again, a lower one, a row that is too short; what is known stays known."""
    rows = SortedRows(2, 3)
    assert rows.add(b"\x00\x00a")
    assert rows.add(b"\x02\x00b")
    assert [rows.add(row) for row in (b"\x02\x00c", b"\x01\xffd", b"\x03\x00", b"")] == [False] * 4
    assert (len(rows), rows.find(b"\x02\x00")) == (2, (1, b"\x02\x00b"))
    assert rows.find(b"\x03\x00") is None
