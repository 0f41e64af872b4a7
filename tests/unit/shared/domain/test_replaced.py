"""Which saved record a change replaced, and whether a change is recorded."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.claim import BegunChange
from shared.domain.history import DialIn
from shared.domain.outcome import Outcome, UserResult
from shared.domain.saved import KnownUser, ReplacedProvider, replaced_by
from tests.fakes import NOON, conferencing, guid, third_party

MOVED = UserResult(guid(1), Outcome.MOVED, "", "a@x.example", "InterCall", at=NOON)
HOUR = timedelta(hours=1)


def record(provider: str, saved: timedelta, begun: timedelta | None = None) -> ReplacedProvider:
    """A record of these times before (or after) noon."""
    return ReplacedProvider(
        guid(1),
        provider,
        (third_party(provider),),
        NOON + saved,
        begun_at=None if begun is None else NOON + begun,
    )


EARLY, AGAIN = record("InterCall", -9 * HOUR), record("InterCall", -8 * HOUR, -HOUR)
LATER = record("InterCall", 2 * HOUR, 2 * HOUR)
OTHER, NONE = record("BT", -HOUR, -HOUR), record("", -HOUR)
BRIDGE = replace(AGAIN, conferencing=conferencing(guid(1)))
"""Of a change of the bridge: a record of entries is nothing that it replaced."""
AT_NOON, BEGUN_AT_NOON = record("InterCall", 0 * HOUR), record("InterCall", -9 * HOUR, 0 * HOUR)
BEGUN_LATER = record("InterCall", -9 * HOUR, HOUR)
BRIDGED = replace(MOVED, outcome=Outcome.BRIDGE_CHANGED)


@pytest.mark.parametrize(
    ("result", "records", "replaced"),
    [
        (MOVED, [EARLY, AGAIN, OTHER, BRIDGE, LATER], AGAIN),
        (MOVED, [EARLY, LATER], EARLY),
        (MOVED, [AGAIN, AT_NOON], AT_NOON),
        (MOVED, [AGAIN, BEGUN_AT_NOON], BEGUN_AT_NOON),
        (MOVED, [AGAIN, BEGUN_LATER], AGAIN),
        (replace(MOVED, at=None), [AGAIN, LATER, EARLY], LATER),
        (replace(MOVED, at=None), [AGAIN, BEGUN_LATER], BEGUN_LATER),
        (MOVED, [BRIDGE, OTHER], None),
        (replace(MOVED, old_provider=""), [NONE], None),
        (BRIDGED, [AGAIN, BRIDGE, OTHER], BRIDGE),
        (BRIDGED, [AGAIN], None),
        *(
            (replace(MOVED, outcome=outcome), [AGAIN, BRIDGE], None)
            for outcome in set(Outcome) - {Outcome.MOVED, Outcome.BRIDGE_CHANGED}
        ),
    ],
)
def test_a_run_replaced_what_it_began_with(
    result: UserResult, records: list[ReplacedProvider], replaced: ReplacedProvider | None
) -> None:
    """The record of its provider that was begun last before its result; who was not moved lost nothing.

    Rows of older versions have no mark, and results of a running attempt no time. Unlicensed users have
    saved entries, too; who had no provider had nothing to replace.
    """
    assert replaced_by(result, records) == replaced


NUMBER = BegunChange("Microsoft", NOON, number=DialIn("Microsoft"))
NOBODY = KnownUser(guid(1), Outcome.FAILED, "", None)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("begun", "times", "recorded"),
    [
        (NUMBER, {}, False),
        (NUMBER, {"number_changed_at": NOON}, True),
        (NUMBER, {"number_changed_at": NOON - SECOND}, False),
        (NUMBER, {"moved_at": NOON + SECOND}, True),
        (NUMBER, {"bridge_changed_at": NOON + SECOND}, True),
        (replace(NUMBER, number=None), {"number_changed_at": NOON + SECOND}, False),
        (replace(NUMBER, number=None), {"moved_at": NOON}, True),
    ],
)
def test_a_change_is_recorded_or_another_one_behind_it(
    begun: BegunChange, times: dict[str, datetime], recorded: bool
) -> None:
    """A number says nothing of a move that began before it."""
    assert replace(NOBODY, **times).has_recorded(begun) is recorded  # type: ignore[arg-type]
