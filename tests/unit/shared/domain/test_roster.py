"""The roster: on which list a look puts a user, and what a listing may overwrite."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.decision import Action, Decision
from shared.domain.license_age import LicenseAges
from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import (
    KnownKeys,
    RosterDay,
    RosterEntry,
    Standing,
    difference,
    from_listing,
    from_result,
    license_ages,
    merged,
)
from shared.errors import NotFoundError
from tests.fakes import NOON, guid, in_service, licensed, third_party

LATER = NOON + timedelta(hours=1)
KNOWN = RosterEntry(
    guid(1), Standing.READY, "the provider is BT", NOON, "a@b", "BT", "Ada", "Sales", "DE"
)


@pytest.mark.parametrize(
    ("outcome", "attention", "standing"),
    [
        (Outcome.MOVED, False, Standing.ON_MICROSOFT),
        (Outcome.ALREADY_MICROSOFT, False, Standing.ON_MICROSOFT),
        (Outcome.BRIDGE_CHANGED, False, Standing.ON_MICROSOFT),
        (Outcome.WOULD_CHANGE_BRIDGE, False, Standing.ON_MICROSOFT),
        (Outcome.HELD, False, Standing.HELD),
        (Outcome.WAITING, False, Standing.WAITING),
        (Outcome.WAITING, True, Standing.ATTENTION),
        (Outcome.FAILED, False, Standing.WAITING),
        (Outcome.FAILED, True, Standing.ATTENTION),
        (Outcome.UNLICENSED, False, Standing.UNLICENSED),
        (Outcome.EXCLUDED, False, Standing.EXCLUDED),
        (Outcome.WOULD_MOVE, False, Standing.READY),
        (Outcome.NOT_FOUND, False, None),
    ],
)
def test_each_outcome_has_its_list(
    outcome: Outcome, attention: bool, standing: Standing | None
) -> None:
    """A user is on one list; one who is gone is on none."""
    result = UserResult(guid(1), outcome, "why", "a@b", provider="BT", licensed_at=LATER)
    person = replace(licensed(1), name="Ada", department="Sales", usage_location="DE")
    provider = "Microsoft" if standing is Standing.ON_MICROSOFT else "BT"
    moved = outcome is Outcome.MOVED
    assert from_result(result, person, NOON, attention=attention) == RosterEntry(
        guid(1), standing, "why", NOON, "a@b", provider, "Ada", "Sales", "DE", moved, LATER
    )


def test_who_is_neither_licensed_nor_on_a_third_party_is_on_no_list() -> None:
    """The roster does not fill up with everybody whom a listing has, nor with ids that nobody knows."""
    unlicensed = Decision(Action.UNLICENSED, "no audio conferencing plan")
    assert from_listing(in_service(1), unlicensed, NOON).standing is None
    found = from_listing(in_service(1, third_party("BT")), unlicensed, NOON)
    assert (found.standing, found.provider) == (Standing.UNLICENSED, "BT")
    nobody = UserResult("nobody", Outcome.NOT_FOUND, "the user is not in the directory")
    missing = NotFoundError("Graph", "read the user", "404")
    assert from_result(nobody, missing, NOON, attention=False) == RosterEntry(
        "nobody", None, "the user is not in the directory", NOON
    )


def test_a_later_look_counts_and_keeps_what_it_does_not_know() -> None:
    """An earlier or the same look changes nothing; what a look does not tell is kept."""
    look = RosterEntry(guid(1), Standing.ON_MICROSOFT, "done", LATER, provider="Microsoft")
    assert merged(None, look, listed=False) is look
    assert merged(KNOWN, replace(look, seen_at=NOON), listed=False) is KNOWN
    expected = replace(KNOWN, standing=Standing.ON_MICROSOFT, reason="done", seen_at=LATER)
    assert merged(KNOWN, look, listed=False) == replace(expected, provider="Microsoft")


@pytest.mark.parametrize("attempted", [Standing.WAITING, Standing.ATTENTION, Standing.HELD])
@pytest.mark.parametrize("listed", list(Standing))
def test_a_listing_leaves_those_who_wait_where_they_are(
    attempted: Standing, listed: Standing
) -> None:
    """A listing sees that a user is done or excluded, and not that an attempt failed."""
    known = replace(KNOWN, standing=attempted, reason="refused")
    look = replace(KNOWN, standing=listed, reason="seen", seen_at=LATER)
    stays = listed in (Standing.READY, Standing.WAITING)
    expected = replace(known, seen_at=LATER) if stays else look
    assert merged(known, look, listed=True) == expected
    assert merged(known, look, listed=False) == look


def test_counts_change_by_what_moved_between_lists() -> None:
    """Who stays on a list changes no count; who comes and who goes does."""
    on_microsoft = replace(KNOWN, standing=Standing.ON_MICROSOFT)
    gone = replace(KNOWN, standing=None)
    pairs = [(None, KNOWN), (KNOWN, on_microsoft), (KNOWN, KNOWN), (on_microsoft, gone)]
    assert difference(pairs) == {}
    assert difference([(None, KNOWN), (KNOWN, gone), (None, gone), (None, on_microsoft)]) == {
        Standing.ON_MICROSOFT: 1
    }


def test_ages_of_seven_days_are_summed_up() -> None:
    """Today and the six days before; an older day does not count."""
    ages = {0: {8: 1}, 1: {8: 1, 80: 1}, 6: {40: 3}, 7: {400: 99}}
    today = NOON.date()
    days = [RosterDay(today - timedelta(days=ago), {}, {}, each) for ago, each in ages.items()]
    week = LicenseAges(6, timedelta(seconds=32), timedelta(seconds=1_024))
    assert license_ages(days, today) == week
    assert license_ages(days[3:], today) is None


def test_a_listing_is_compared_with_what_listings_showed_before() -> None:
    """New, changed and unseen users are told apart by 24 bytes each; the time is no change."""
    known = KnownKeys()
    users = [replace(KNOWN, user_id=guid(number)) for number in (1, 2, 3, 5)]
    for user in users:
        known.add(user.user_id, user.digest)
    same, changed = replace(users[0], seen_at=LATER), replace(users[2], provider="PGi")
    new = replace(KNOWN, user_id=guid(4))
    nowhere = replace(KNOWN, user_id=guid(6), standing=None)
    assert known.news([same, changed, new, nowhere]) == ([new], [changed])
    assert known.unseen() == [guid(2), guid(5)]
