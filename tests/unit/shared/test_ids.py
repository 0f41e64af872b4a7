"""Ids of users as bytes: the same as Python's own, in every form, and nothing that is none."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.text import packed, unpacked


@given(st.uuids())
def test_an_id_and_its_bytes(known: UUID) -> None:
    """Both ways, and from each form that Python takes."""
    assert unpacked(known.bytes) == str(known)
    for form in (str(known), known.hex, str(known).upper(), known.urn, f"{{{known}}}"):
        assert packed(form) == known.bytes


@pytest.mark.parametrize("text", ["", "nobody", "0" * 31, "0" * 33, "0" * 30 + "  ", "g" * 32])
def test_what_is_no_id_has_no_bytes(text: str) -> None:
    """Too short, too long, with spaces, or with other letters."""
    with pytest.raises(ValueError, match=r"hex|badly formed|spaces"):
        packed(text)


@pytest.mark.parametrize("key", [b"", b"0" * 15, b"0" * 17])
def test_bytes_of_another_length_are_no_id(key: bytes) -> None:
    """A damaged row ends in the middle of an id: it is damaged, and no user of its own."""
    with pytest.raises(ValueError, match="16 bytes"):
        unpacked(key)
