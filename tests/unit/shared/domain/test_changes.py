"""Whom a delta query's report makes worth another attempt."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.changes import is_covered, is_credible, needs_attempt
from shared.domain.listing import ChangedUser
from shared.domain.outcome import Outcome
from shared.domain.saved import KnownUser
from tests.fakes import NOON, guid

LONG_AGO = NOON - timedelta(days=30)
CHANGED = ChangedUser(guid(1), False, True, LONG_AGO)
KNOWN = KnownUser(guid(1), Outcome.ALREADY_MICROSOFT, "", None, NOON)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_who_was_seen_on_microsoft_is_settled(outcome: Outcome) -> None:
    """Any other outcome, and none, is worth an attempt whenever the user is reported."""
    settled = outcome in (Outcome.MOVED, Outcome.ALREADY_MICROSOFT)
    assert needs_attempt(CHANGED, replace(KNOWN, outcome=outcome), NOON) is not settled
    assert needs_attempt(CHANGED, None, NOON)


@pytest.mark.parametrize(
    ("minutes", "needed"), [(-11, False), (-10, False), (-9, True), (0, True), (60, True)]
)
def test_a_plan_that_is_about_as_new_as_the_attempt_is_worth_another(
    minutes: int, needed: bool
) -> None:
    """What an attempt read of Graph may be minutes old, so it must be ten minutes younger than the plan."""
    changed = replace(CHANGED, assigned_at=NOON + timedelta(minutes=minutes))
    assert needs_attempt(changed, KNOWN, NOON) is needed


def test_what_is_not_known_is_worth_an_attempt() -> None:
    """A plan without a date, and an attempt without one; a user without a plan is not."""
    assert needs_attempt(replace(CHANGED, assigned_at=None), KNOWN, NOON)
    assert needs_attempt(CHANGED, replace(KNOWN, looked_at=None), NOON)
    assert not needs_attempt(replace(CHANGED, may_be_licensed=False), None, NOON)


SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("began", "outcome", "covered"),
    [
        (NOON - SECOND, Outcome.ALREADY_MICROSOFT, False),
        (NOON, Outcome.ALREADY_MICROSOFT, False),
        (NOON + 2 * SECOND, Outcome.ALREADY_MICROSOFT, False),
        (NOON + 3 * SECOND, Outcome.ALREADY_MICROSOFT, True),
        (NOON + 3 * SECOND, Outcome.WAITING, True),
        (NOON + 3 * SECOND, Outcome.UNLICENSED, True),
        (NOON + 3 * SECOND, Outcome.WOULD_MOVE, False),
        (NOON + 3 * SECOND, Outcome.WOULD_CHANGE_BRIDGE, False),
        (None, Outcome.ALREADY_MICROSOFT, False),
    ],
)
def test_only_an_attempt_that_began_after_a_notification_covers_it(
    began: datetime | None, outcome: Outcome, covered: bool
) -> None:
    """One that began before, or within the margin of the clocks, may not have seen the change."""
    known = replace(KNOWN, began_at=began, outcome=outcome)
    assert is_covered(NOON, known, NOON + HOUR) is covered


def test_whom_nobody_tried_yet_is_covered_by_nothing() -> None:
    """Without a row there is an attempt."""
    assert not is_covered(NOON, None, NOON + HOUR)


def test_an_attempt_of_the_future_hides_nothing() -> None:
    """A clock that was a day ahead when it was recorded: until that day nothing is left out for it."""
    for ahead, credible in ((0 * SECOND, True), (2 * SECOND, True), (3 * SECOND, False)):
        assert is_credible(NOON + ahead, NOON) is credible
    known = replace(KNOWN, looked_at=NOON + 24 * HOUR, began_at=NOON + 24 * HOUR)
    assert not is_covered(NOON, known, NOON + HOUR)
    assert needs_attempt(CHANGED, known, NOON + HOUR)
    assert needs_attempt(CHANGED, replace(known, began_at=None), NOON + HOUR)
    assert not needs_attempt(CHANGED, known, NOON + 25 * HOUR)


def test_a_plan_assigned_during_an_attempt_is_worth_another() -> None:
    """The attempt waited an hour for its turn: what it read is as old as its beginning."""
    known = replace(KNOWN, began_at=NOON - HOUR)
    assert needs_attempt(replace(CHANGED, assigned_at=NOON - HOUR / 2), known, NOON)
