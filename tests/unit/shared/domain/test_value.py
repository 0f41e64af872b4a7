"""Domain types that a listing makes for each user."""

from dataclasses import replace

import pytest

from shared.domain.user import ServiceUser
from tests.fakes import in_service, third_party


def test_a_value_compares_and_hashes_by_its_fields() -> None:
    """Equal users are one; one that differs in a field is another, and what it was made from stays."""
    first, other = (in_service(1, third_party()) for _ in range(2))
    changed = replace(first, name="Ada")
    assert len({first, other, changed}) == 2
    assert first == other != changed


def test_a_value_has_no_other_fields() -> None:
    """A name that is written wrong is an error, and not a field of one user alone."""
    user: ServiceUser = in_service(1)
    with pytest.raises(AttributeError):
        setattr(user, "entries_", ())  # noqa: B010 - the type checker would refuse it otherwise
