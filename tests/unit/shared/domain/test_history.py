"""Dial-in details and what an older version knew: what a user's history shows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.history import DialIn, HistoryEvent, HistoryRecord, masked, told_before
from shared.domain.outcome import Outcome
from shared.domain.saved import KnownUser, ReplacedProvider
from shared.domain.user import ConferencingUser, ProviderEntry
from tests.fakes import NOON, guid, microsoft

BT = ProviderEntry("BT", "bt.example", "+1", "+2", "73519846", "", True)
OF_BT = DialIn("BT", "+1", "+2", "", "******46")
ON_MICROSOFT = ConferencingUser(guid(1), "12345678", "bridge", "its name", "+3", "+4", "+5", "+6")
OF_MICROSOFT = DialIn("Microsoft", "+5", "+6", "bridge", "******78")
MOVED = KnownUser(guid(1), Outcome.MOVED, "", NOON, None, "BT", "run-1")


def test_what_an_entry_says() -> None:
    """Name, numbers and masked ID, and the bridge that somebody else told; none has a bridge alone."""
    assert DialIn.of_entry(BT) == OF_BT
    assert DialIn.of_entry(BT, "one") == replace(OF_BT, bridge="one")
    assert [DialIn.of_entry(None), DialIn.of_entry(None, "one")] == [DialIn(), DialIn(bridge="one")]


def test_what_microsofts_conferencing_says() -> None:
    """The default numbers, or else the others."""
    assert DialIn.of_conferencing(ON_MICROSOFT) == OF_MICROSOFT
    plain = replace(ON_MICROSOFT, default_toll_number="", default_toll_free_number="")
    told = replace(OF_MICROSOFT, toll_number="+3", toll_free_number="+4")
    assert DialIn.of_conferencing(plain) == told


@pytest.mark.parametrize(
    ("conferencing", "entries", "told"),
    [
        (ON_MICROSOFT, (BT,), OF_MICROSOFT),
        (None, (microsoft(default=False), BT), OF_BT),
        (None, (), DialIn()),
    ],
)
def test_what_a_saved_record_says(
    conferencing: ConferencingUser | None, entries: tuple[ProviderEntry, ...], told: DialIn
) -> None:
    """Microsoft's conferencing if it is saved, or else the entry that decided."""
    record = ReplacedProvider(guid(1), "BT", entries, NOON, conferencing=conferencing)
    assert DialIn.of_saved(record) == told


@pytest.mark.parametrize(
    ("known", "saved", "run", "before"),
    [
        (MOVED, OF_BT, "run-1", OF_BT),
        (MOVED, None, "run-1", DialIn("BT")),
        (replace(MOVED, moved_run=None, old_provider=None), None, "", DialIn()),
    ],
)
def test_a_move_of_the_version_before(
    known: KnownUser, saved: DialIn | None, run: str, before: DialIn
) -> None:
    """It kept the time, the run and the old provider of the last move."""
    assert told_before(known, saved) == HistoryRecord(
        guid(1),
        HistoryEvent.MOVED,
        NOON,
        run=run,
        reason="recorded before the app kept a history",
        before=before,
        after=DialIn("Microsoft"),
    )


def test_who_was_not_moved_has_no_move() -> None:
    """Whatever else is known of the user."""
    changed = replace(MOVED, moved_at=None, bridge_changed_at=NOON + timedelta(days=1))
    assert told_before(changed, OF_BT) is None


@pytest.mark.parametrize(
    ("code", "shown"),
    [("73519846", "******46"), ("123456", "****56"), ("12345", "*****"), ("", "")],
)
def test_of_a_conference_id_the_last_two_digits_are_kept(code: str, shown: str) -> None:
    """Enough for its owner to know it again; of a short one nothing."""
    assert masked(code) == shown
