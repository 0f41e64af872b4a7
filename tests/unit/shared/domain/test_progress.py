"""What a run is told in the end of a user who waited."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.outcome import Outcome, UserResult
from shared.domain.progress import final
from shared.domain.saved import KnownUser
from tests.fakes import NOON, guid

BEFORE, AFTER = NOON - timedelta(seconds=30), NOON + timedelta(seconds=30)
FOUND = UserResult(guid(1), Outcome.ALREADY_MICROSOFT, "Microsoft is the provider")
MOVED = replace(FOUND, outcome=Outcome.MOVED, reason="the provider was BT", old_provider="BT")
BRIDGED = replace(FOUND, outcome=Outcome.BRIDGE_CHANGED)
NOBODY = KnownUser(guid(1), Outcome.ALREADY_MICROSOFT, "", None)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (None, FOUND),
        (NOBODY, FOUND),
        (replace(NOBODY, moved_at=BEFORE, old_provider="BT"), FOUND),
        (replace(NOBODY, moved_at=BEFORE, old_provider="BT", moved_run="other"), FOUND),
        (replace(NOBODY, moved_at=AFTER, old_provider="BT"), MOVED),
        (replace(NOBODY, moved_at=NOON, old_provider="BT", moved_run="other"), MOVED),
        (replace(NOBODY, moved_at=BEFORE, old_provider="BT", moved_run="run"), MOVED),
        (replace(NOBODY, bridge_changed_at=BEFORE, bridge_run="other"), FOUND),
        (replace(NOBODY, bridge_changed_at=BEFORE, bridge_run="run"), BRIDGED),
        (replace(NOBODY, bridge_changed_at=AFTER), BRIDGED),
    ],
)
def test_a_change_since_the_run_began_or_of_the_run_is_one(
    known: KnownUser | None, told: UserResult
) -> None:
    """Whatever the last attempt found; a change of the run counts if the clock that wrote it was behind."""
    assert final(FOUND, known, "run", NOON) == told


def test_what_changed_the_user_is_told_as_it_was() -> None:
    """The last attempt moved the user: nothing is looked up."""
    moved = replace(MOVED, reason="the provider is BT")
    assert final(moved, replace(NOBODY, bridge_changed_at=AFTER), "run", NOON) == moved


def test_of_no_provider() -> None:
    """Who had no provider before was moved from none."""
    known = replace(NOBODY, moved_at=AFTER)
    told = final(FOUND, known, "run", NOON)
    assert (told.outcome, told.reason) == (Outcome.MOVED, "the provider was none")
