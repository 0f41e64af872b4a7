"""Licensed users beside a listing: nobody is forgotten, and nobody is taken for licensed."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.licensed import LicensedUsers

users = st.uuids().map(str) | st.integers(0, 300).map(lambda number: str(UUID(int=number)))


@given(st.lists(users), st.sets(users))
def test_who_is_licensed_is_marked_and_the_rest_is_unlisted(
    licensed: list[str], listed: set[str]
) -> None:
    """As sets of ids would have it, in any order, with users who are added or listed twice."""
    known = LicensedUsers()
    known.add(licensed)
    known.add(licensed[:2])
    known.complete()
    assert len(known) == len(set(licensed))
    assert {user for user in listed if known.mark(user)} == listed & set(licensed)
    assert {str(UUID(bytes=key)) for key in known.unlisted()} == set(licensed) - listed
    known.unmark()
    assert len(known.unlisted()) == len(known)
