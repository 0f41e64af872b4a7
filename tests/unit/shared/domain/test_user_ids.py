"""Many users in little memory: nobody is forgotten, and nobody is among them who was not added."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.user_ids import UserIds

users = st.uuids().map(str) | st.integers(0, 300).map(lambda number: str(UUID(int=number)))


@given(st.lists(users), st.sets(users))
def test_who_was_added_is_marked_and_the_rest_is_unseen(added: list[str], seen: set[str]) -> None:
    """As sets of ids would have it, in any order, with users who are added or marked twice."""
    known = UserIds()
    known.add(added)
    known.add(added[:2])
    known.complete()
    assert len(known) == len(set(added))
    assert {user for user in seen if known.mark(user)} == seen & set(added)
    assert {str(UUID(bytes=key)) for key in known.unseen()} == set(added) - seen
    known.unmark()
    assert len(known.unseen()) == len(known)
