"""The counting rows of the roster: what they keep, how long, and what a damaged one costs."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.roster import RosterDay, RosterEntry, Standing
from shared.domain.run import Signal
from shared.storage import roster_counts
from tests.fakes import NOON

READY = RosterEntry("a", Standing.READY, "", NOON)
MOVED = replace(
    READY, standing=Standing.ON_MICROSOFT, moved=True, licensed_at=NOON - timedelta(minutes=1)
)
NOBODY = dict.fromkeys(map(str, Standing), 0)


def test_a_row_keeps_the_figures_of_a_month_and_the_ages_of_a_week() -> None:
    """A move made on the first day is in that day's figures for 31 days, the age of the license for seven."""
    row = roster_counts.changed({}, NOON, [(None, READY)], None)
    row = roster_counts.changed(row, NOON, [(READY, MOVED)], Signal.LICENSE_EVENT)
    first = RosterDay(NOON.date(), {"on_microsoft": 1}, {"license_event": 1}, {48: 1})
    for day, kept in (
        (6, [first]),
        (7, [replace(first, ages={})]),
        (30, [replace(first, ages={})]),
    ):
        later = roster_counts.changed(row, NOON + timedelta(days=day), [(None, READY)], None)
        counts, days = roster_counts.figures([later], NOON.date())
        assert counts == NOBODY | {"on_microsoft": 1, "ready": 1}
        assert days[:-1] == kept
    gone = roster_counts.changed(row, NOON + timedelta(days=31), [(None, READY)], None)
    assert [day.day for day in roster_counts.figures([gone], NOON.date())[1]] == [
        (NOON + timedelta(days=31)).date()
    ]


@pytest.mark.parametrize("days", ["[", "7", '{"30.11.": {}}', '{"2026-11-30": 7}', 7])
def test_damaged_days_begin_anew_and_the_counts_stay(days: object) -> None:
    """Neither a page nor the next look fails for them."""
    row = {"on_ready": 3, "days": days, "on_waiting": "many"}
    assert roster_counts.figures([row], NOON.date()) == (NOBODY | {"ready": 3}, [])
    after = roster_counts.changed(row, NOON, [(None, READY)], None)
    day = f"{NOON:%Y-%m-%d}"
    assert after == {
        "on_ready": 4,
        "days": json.dumps({day: {"on_ready": 4}}, separators=(",", ":")),
    }


def test_marks_follow_every_change_of_a_marked_user() -> None:
    """They are in the order of addresses, on the list of today, and stay when others are changed."""
    first, other = (
        replace(READY, user_id=f"000{number}", upn=upn)
        for number, upn in enumerate(("Zoe#1@contoso.com", "amy@contoso.com"))
    )
    row = roster_counts.changed({}, NOON, [(None, first), (None, other), (None, READY)], None)
    assert roster_counts.marks(row, Standing.READY) == ["amy@contoso.com", "zoe_1@contoso.com"]
    renamed = replace(other, upn="bea@contoso.com", standing=Standing.ON_MICROSOFT)
    row = roster_counts.changed(
        row, NOON, [(other, renamed), (first, replace(first, standing=None))], None
    )
    row = roster_counts.changed(row, NOON, [(None, READY)], None)
    assert roster_counts.marks(row, Standing.READY) == []
    assert roster_counts.marks(row, Standing.ON_MICROSOFT) == ["bea@contoso.com"]


def test_marks_that_a_row_cannot_hold_are_thinned() -> None:
    """The row stays below what a property holds; a page has longer ranges then."""
    users = [
        replace(READY, user_id=f"000{number}", upn=f"{number:03}{'x' * 300}")
        for number in range(300)
    ]
    row = roster_counts.changed({}, NOON, [(None, user) for user in users], None)
    assert len(row["marks"]) < 32_000
    assert len(roster_counts.marks(row, Standing.READY)) == 75


@pytest.mark.parametrize("damaged", ["[", "7", '{"ready": 7}', 7])
def test_damaged_marks_are_none_and_begin_anew(damaged: object) -> None:
    """A page is read without them."""
    row = {"marks": damaged}
    assert roster_counts.marks(row, Standing.READY) == []
    user = replace(READY, user_id="0001", upn="amy@contoso.com")
    after = roster_counts.changed(row, NOON, [(None, user)], None)
    assert roster_counts.marks(after, Standing.READY) == ["amy@contoso.com"]
