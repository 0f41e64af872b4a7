"""What a run is told in the end of a user who waited, and when everybody has an outcome."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.outcome import Outcome, UserResult
from shared.domain.progress import counted, done, expected, final, is_complete, settled
from shared.domain.run import Run, RunState, Signal
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
        (replace(NOBODY, bridge_changed_at=NOON, bridge_run="other"), BRIDGED),
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
    assert final(FOUND, known, "run", NOON) == replace(
        MOVED, reason="the provider was none", old_provider=None
    )


LISTED = {"users": 9, "unlicensed": 2, "queued": 3, "moved": 7, "skipped": 5}
SWEEP = Run("sweep", Signal.SWEEP, RunState.MOVING, NOON, counts=LISTED)
REQUEST = Run("request", Signal.REQUEST, RunState.FINISHED, NOON, counts={"users": 3, "failed": 9})
OUTCOMES = {str(outcome): 2**place for place, outcome in enumerate(Outcome)}


@pytest.mark.parametrize(
    ("run", "expects", "has"),
    [
        (SWEEP, 3, 12),
        (replace(SWEEP, counts={"users": 9}), 0, 0),
        (REQUEST, 3, 9),
        (replace(REQUEST, counts={"users": 3, "queued": 2, "skipped": 1, "moved": 4}), 2, 4),
        (replace(REQUEST, counts={}), 0, 0),
    ],
)
def test_how_far_a_run_is(run: Run, expects: int, has: int) -> None:
    """A sweep knows whom it queued, and nobody before; a request knows whom it was given."""
    assert (expected(run), done(run)) == (expects, has)


@pytest.mark.parametrize(
    ("run", "counts"),
    [
        (
            SWEEP,
            {
                "users": 9,
                "unlicensed": 2,
                "queued": 3,
                "moved": 1 + 4,
                "waiting": 8 + 512,
                "failed": 64 + 128,
                "cancelled": 2048,
                "skipped": 2 + 16 + 32 + 256 + 1024,
            },
        ),
        (REQUEST, {"users": 3, **OUTCOMES}),
    ],
)
def test_outcomes_replace_the_counts_of_before(run: Run, counts: dict[str, int]) -> None:
    """A sweep's listing counts under names of outcomes, too: its users' are summed up by other names."""
    assert counted(run, OUTCOMES) == replace(run, counts=counts)


WEEK, SECOND = timedelta(days=7), timedelta(seconds=1)
LEFT = "users without an outcome: {}; a later sweep finds them again"
QUEUED = replace(SWEEP, counts={"queued": 2000})


@pytest.mark.parametrize(
    ("run", "outcomes", "now", "ended"),
    [
        (QUEUED, {"moved": 2000}, NOON, {}),
        (QUEUED, {"moved": 2001}, NOON, {}),
        (QUEUED, {"moved": 1999}, NOON, None),
        (QUEUED, {"held": 2000}, NOON, {}),
        (QUEUED, {"moved": 500}, NOON + WEEK, None),
        (QUEUED, {"moved": 500}, NOON + WEEK + SECOND, {"reason": LEFT.format("1,500")}),
        (replace(QUEUED, finished_at=NOON + SECOND), {"moved": 1}, NOON + WEEK + SECOND, None),
        (replace(QUEUED, state=RunState.HELD), {"moved": 2000}, NOON + 2 * WEEK, None),
    ],
)
def test_a_run_ends_when_everybody_has_an_outcome_or_nobody_comes_any_more(
    run: Run, outcomes: dict[str, int], now: datetime, ended: dict[str, str] | None
) -> None:
    """Whom a list holds has one, too."""
    told = counted(run, outcomes)
    if ended is not None:
        told = replace(told, state=RunState.FINISHED, finished_at=now, **ended)  # type: ignore[arg-type]
    assert settled(run, outcomes, now) == told


def test_a_run_goes_on_while_somebody_is_on_the_way_who_was_released() -> None:
    """Such a user has the outcome `held` until the change."""
    outcomes = {"held": 2, "moved": 1998}
    assert settled(QUEUED, outcomes, NOON, 1).state is RunState.MOVING
    assert settled(QUEUED, outcomes, NOON, 0).state is RunState.FINISHED


@pytest.mark.parametrize(
    ("run", "moved", "complete"),
    [
        (REQUEST, 3, True),
        (REQUEST, 2, False),
        (SWEEP, 3, False),
        (replace(SWEEP, state=RunState.HELD), 3, True),
    ],
)
def test_a_run_is_complete_when_no_first_outcome_can_come(
    run: Run, moved: int, complete: bool
) -> None:
    """All users have one, and its state lets nobody follow."""
    assert is_complete(run, {"moved": moved}) is complete
