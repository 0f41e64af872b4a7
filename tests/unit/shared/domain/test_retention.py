"""What the janitor may delete or end, by state and age."""

from datetime import timedelta

import pytest

from shared.domain.retention import (
    Retention,
    StoredRun,
    first_id_after,
    has_ended,
    may_delete,
    may_end,
)
from shared.domain.run import RunState
from tests.fakes import NOON

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
KEPT = Retention(runs=5 * DAY, held=3 * DAY, keys=DAY, users=DAY, poison=DAY, history=DAY)
OVER = {"finished", "failed"}
STATES = [*(str(state) for state in RunState), "a state of a later version"]


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_over_and_old_goes(state: str) -> None:
    """A run that was stopped for good is deleted, a held one is ended, each after its own time."""
    runs, held = (StoredRun("r", state, NOON - age - SECOND) for age in (KEPT.runs, KEPT.held))
    assert may_delete(runs, NOON, KEPT) is (state in OVER | {"interrupted"})
    assert may_end(held, NOON, KEPT) is (state == "held")
    assert has_ended(runs) is (state in OVER)


def test_nothing_goes_at_the_very_end_of_its_time() -> None:
    """A run is kept for the whole time that the settings promise."""
    assert not may_delete(StoredRun("r", "finished", NOON - KEPT.runs), NOON, KEPT)
    assert not may_end(StoredRun("r", "held", NOON - KEPT.held), NOON, KEPT)


def test_ids_sort_by_their_start() -> None:
    """The id of a moment is lower than that of any run that began then."""
    assert first_id_after(NOON) == f"{NOON:%Y%m%d}T120000Z"
