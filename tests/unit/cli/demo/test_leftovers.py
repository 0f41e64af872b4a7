"""Whom `acp demo --keep` leaves to be moved."""

from dataclasses import replace

from cli.demo.leftovers import choose
from tests.unit.cli.demo.people import change, evidence, moved, person


def test_fourteen_go_back_to_their_own_third_party() -> None:
    """Of those who were replaced and are on Microsoft now, at most fourteen, each with the old provider."""
    before = [person(number, ("BT", "PGi")[number % 2]) for number in range(1, 18)]
    seen = evidence(
        [moved(user) for user in before],
        before,
        changes=[change(user, "replaced", user.provider) for user in before],
    )
    chosen = choose(seen)
    assert len(chosen) == 14
    assert all(replace(user, provider=provider) in before for user, provider in chosen)


def test_nobody_else_is_put_back() -> None:
    """Not who had no provider, and not who is excluded."""
    excluded = person(1, "BT", included=False)
    seen = evidence(
        [moved(excluded), moved(person(2))],
        [excluded, person(2)],
        changes=[change(excluded, "replaced_automatically", "BT")],
    )
    assert choose(seen) == []
