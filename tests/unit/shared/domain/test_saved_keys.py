"""The keys of saved records: what is missed is offered again, what is wrongly known would be lost."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.saved import SavedKeys

users = st.uuids().map(str)
digests = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(st.sets(st.tuples(users, digests)), st.tuples(users, digests))
def test_exactly_what_was_added_is_known(
    records: set[tuple[str, str]], other: tuple[str, str]
) -> None:
    """In the order of the table, every record is known, and no other."""
    keys = SavedKeys()
    for user, digest in sorted(records):
        keys.add(user, digest)
    assert all(keys.has(*record) for record in records)
    assert keys.has(*other) is (other in records)


def test_what_is_out_of_order_or_has_other_keys_is_not_known() -> None:
    """Rows of other versions, or a table without order, cost requests and lose nothing."""
    first, second = str(UUID(int=1)), str(UUID(int=2))
    keys = SavedKeys()
    keys.add(second, "00" * 16)
    for user, digest in ((first, "00" * 16), ("nobody", "00" * 16), (second, "xx"), (second, "00")):
        keys.add(user, digest)
    assert keys.has(second, "00" * 16)
    assert not keys.has(first, "00" * 16)
