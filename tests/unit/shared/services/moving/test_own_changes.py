"""Whose change it was that brought a user to Microsoft, and how it is told: whole results and changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.domain.claim import BegunChange, Claim
from shared.domain.decision import Action, Decision
from shared.domain.history import Change, DialIn, HistoryEvent
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Signal
from shared.domain.saved import KnownUser
from shared.domain.user import ConferencingUser, ServiceUser
from shared.services.moving.assess import Assessment
from shared.services.moving.own_changes import OwnChanges, begin, done, failed, foremost
from tests.fakes import (
    NOON,
    FakeReplaced,
    FakeUsers,
    conferencing,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)

FOUND = Assessment(
    licensed(), in_service(1, microsoft()), Decision(Action.ALREADY, "Microsoft is the provider")
)
AFTER = in_service(1, microsoft("+15550177"))
NOW, SINCE = DialIn.of_entry(microsoft()), DialIn.of_entry(microsoft("+15550177"))
MINE, OTHER = Claim("mine", NOON, "run-1"), Claim("other", NOON - timedelta(hours=1), "run-2")
MOVE = Change(HistoryEvent.MOVED, NOON, DialIn("InterCall"))
BRIDGE = Change(HistoryEvent.BRIDGE_CHANGED, NOON, DialIn("Microsoft"))
NUMBER = Change(HistoryEvent.NUMBER_CHANGED, NOON, DialIn("Microsoft"))
BEGUN = BegunChange("InterCall", NOON - timedelta(minutes=9), OTHER)
HAD = DialIn.of_entry(third_party())
GIVEN = BegunChange("Microsoft", NOON - timedelta(minutes=9), OTHER, DialIn("Microsoft", "+1"))
MOVED = Outcome.MOVED

type Told = tuple[UserResult, Change | None]


@dataclass
class Begun(FakeReplaced):
    """Changes of user 1 that were begun, and who took over which to tell of it."""

    changes: Sequence[BegunChange] = ()
    taken: list[tuple[str, Claim, bool]] = field(default_factory=list)

    async def begun(self, user_id: str) -> list[BegunChange]:
        return list(self.changes) if user_id == guid(1) else []

    async def take_over(self, user_id: str, claim: Claim, *, number: bool = False) -> None:
        self.taken.append((user_id, claim, number))


class Unread(FakeUsers):
    """Table `users`, which nobody has a reason to read."""

    async def known(self, user_id: str) -> KnownUser | None:
        raise AssertionError(user_id)


def told(outcome: Outcome, old: str | None, change: Change | None) -> Told:
    """A result and its change, which results do not compare."""
    return FOUND.result(outcome, old), change


@pytest.mark.parametrize(
    ("uncertain", "begun", "after", "expected"),
    [
        (None, [], AFTER, None),
        (MOVE, [BEGUN], AFTER, told(MOVED, "InterCall", replace(MOVE, after=SINCE))),
        (MOVE, [], None, told(MOVED, "InterCall", replace(MOVE, after=NOW))),
        (
            BRIDGE,
            [],
            AFTER,
            told(Outcome.BRIDGE_CHANGED, "Microsoft", replace(BRIDGE, after=SINCE)),
        ),
        (
            NUMBER,
            [],
            AFTER,
            told(Outcome.ALREADY_MICROSOFT, None, replace(NUMBER, after=SINCE)),
        ),
        (
            NUMBER,
            [BEGUN],
            AFTER,
            told(MOVED, "InterCall", replace(MOVE, began_at=BEGUN.at, before=HAD, after=SINCE)),
        ),
        (
            None,
            [BEGUN, BegunChange("BT", NOON, MINE)],
            AFTER,
            told(MOVED, "BT", replace(MOVE, before=DialIn("BT"), after=SINCE)),
        ),
        (
            None,
            [BegunChange("Microsoft", NOON, replace(OTHER, run="run-1"))],
            AFTER,
            told(
                Outcome.BRIDGE_CHANGED,
                "Microsoft",
                replace(BRIDGE, before=DialIn.of_conferencing(conferencing(guid(1))), after=SINCE),
            ),
        ),
    ],
)
async def test_a_change_of_the_app_is_told_with_what_it_replaced(
    uncertain: Change | None,
    begun: list[BegunChange],
    after: ServiceUser | None,
    expected: Told | None,
) -> None:
    """Of this attempt, before a crash, or of this run; a number alone only if it was nothing else."""
    replaced = Begun(changes=begun)
    await replaced.save_entries(in_service(1, third_party()), NOON - timedelta(hours=1))
    await replaced.save_conferencing(conferencing(guid(1)), "", NOON - timedelta(hours=1))
    own = OwnChanges(replaced, FakeUsers())
    result = await own.find(FOUND, uncertain, MINE, after)
    assert (result and (result, result.change)) == expected


@pytest.mark.parametrize(
    ("outcome", "run", "begun", "expected"),
    [
        (MOVED, "run-1", None, told(MOVED, "BT", None)),
        (Outcome.BRIDGE_CHANGED, "run-1", BEGUN, told(Outcome.BRIDGE_CHANGED, "Microsoft", None)),
        (MOVED, "run-3", None, None),
        (MOVED, "run-3", BEGUN, None),
        (MOVED, "run-3", replace(BEGUN, at=NOON), None),
        (
            MOVED,
            "run-3",
            replace(BEGUN, at=NOON + timedelta(seconds=1)),
            told(
                MOVED, "InterCall", replace(MOVE, began_at=NOON + timedelta(seconds=1), after=NOW)
            ),
        ),
        (Outcome.BRIDGE_CHANGED, None, BEGUN, None),
    ],
)
async def test_what_is_recorded_is_told_by_its_run_alone(
    outcome: Outcome, run: str | None, begun: BegunChange | None, expected: Told | None
) -> None:
    """The message of the run came again; a change that began after what is recorded is taken over."""
    replaced, users = Begun(changes=[begun] if begun else []), FakeUsers()
    recorded = FOUND.result(outcome, "BT" if outcome is MOVED else "Microsoft")
    await users.record_result(recorded, Signal.SWEEP, NOON, run)
    if run:
        users.moved_run = dict.fromkeys(users.moved_run, "run-1")
    claim = replace(MINE, run="run-1" if run == "run-1" else None)
    result = await OwnChanges(replaced, users).find(FOUND, None, claim)
    assert (result and (result, result.change)) == expected
    assert replaced.taken == ([(guid(1), claim, False)] if expected and expected[1] else [])


@pytest.mark.parametrize(
    "claim", [MINE, replace(OTHER, run="run-2")], ids=["another run", "its run"]
)
@pytest.mark.parametrize(("minutes", "is_told"), [(14, True), (5, True), (4, False)])
async def test_what_began_before_the_user_was_found_elsewhere_is_nobodys(
    claim: Claim, minutes: int, is_told: bool
) -> None:
    """An attempt died before its set, others found the third party five minutes later, a person moved
    the user: that is not told as a move of the app. A look that began sooner proves nothing."""
    users, replaced = FakeUsers(), Begun(changes=[BEGUN])
    waits = replace(FOUND, service=in_service(1, third_party())).result(Outcome.WAITING)
    await users.record_result(waits, Signal.SWEEP, NOON, began=NOON - timedelta(minutes=minutes))
    await users.record_result(FOUND.result(), Signal.SWEEP, NOON)
    result = await OwnChanges(replaced, users).find(FOUND, None, claim)
    assert (result is not None) is is_told


@pytest.mark.parametrize(
    ("begun", "uncertain", "after", "is_told"),
    [
        (GIVEN, None, None, True),
        (replace(GIVEN, claim=replace(MINE, run=None)), None, None, True),
        (replace(GIVEN, number=replace(NOW, bridge="one")), None, None, False),
        (GIVEN, None, AFTER, False),
        (GIVEN, NUMBER, AFTER, False),
    ],
)
async def test_a_number_that_was_begun_is_told_once_it_shows(
    begun: BegunChange, uncertain: Change | None, after: ServiceUser | None, is_told: bool
) -> None:
    """By this attempt or one that takes it over; while this one sets a number, the number is its own."""
    replaced = Begun(changes=[begun])
    result = await OwnChanges(replaced, FakeUsers()).find(FOUND, uncertain, MINE, after)
    given = Change(HistoryEvent.NUMBER_CHANGED, GIVEN.at, DialIn("Microsoft", "+1"), NOW)
    if uncertain:
        given = replace(uncertain, after=SINCE)
    expected = told(Outcome.ALREADY_MICROSOFT, None, given) if is_told or uncertain else None
    assert (result and (result, result.change)) == expected
    assert replaced.taken == ([(guid(1), MINE, True)] if is_told and begun is GIVEN else [])


async def test_nothing_is_read_of_a_user_of_no_run_for_whom_nothing_began() -> None:
    """The usual look at a user on Microsoft costs no read of table `users`."""
    own = OwnChanges(FakeReplaced(), Unread())
    assert await own.find(FOUND, None, replace(MINE, run=None)) is None


@pytest.mark.parametrize(
    ("action", "before", "change"),
    [
        (Action.REPLACE, None, Change(HistoryEvent.MOVED, NOON, HAD)),
        (Action.ENABLE, conferencing(guid(1)), Change(HistoryEvent.MOVED, NOON, HAD)),
        (
            Action.SET_NUMBER,
            conferencing(guid(1)),
            Change(
                HistoryEvent.NUMBER_CHANGED, NOON, DialIn.of_conferencing(conferencing(guid(1)))
            ),
        ),
        (
            Action.CHANGE_BRIDGE,
            conferencing(guid(1)),
            Change(
                HistoryEvent.BRIDGE_CHANGED, NOON, DialIn.of_conferencing(conferencing(guid(1)))
            ),
        ),
        (Action.SET_NUMBER, None, Change(HistoryEvent.NUMBER_CHANGED, NOON, HAD)),
    ],
)
def test_a_change_begins_with_what_the_user_has(
    action: Action, before: ConferencingUser | None, change: Change
) -> None:
    """Of a move the entry that decides; of a change on Microsoft what conferencing told."""
    assert begin(action, MINE, in_service(1, third_party()), before) == change


EARLIER = {each: replace(each, before=DialIn("BT"), after=SINCE) for each in (MOVE, BRIDGE, NUMBER)}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (None, NUMBER, NUMBER),
        (EARLIER[BRIDGE], MOVE, MOVE),
        (EARLIER[MOVE], MOVE, MOVE),
        (EARLIER[BRIDGE], BRIDGE, replace(BRIDGE, before=DialIn("BT"))),
        (EARLIER[NUMBER], NUMBER, replace(NUMBER, before=DialIn("BT"))),
        (EARLIER[NUMBER], BRIDGE, BRIDGE),
        (EARLIER[BRIDGE], NUMBER, EARLIER[BRIDGE]),
        (EARLIER[MOVE], NUMBER, EARLIER[MOVE]),
    ],
)
def test_of_two_unsure_changes_one_is_told(
    first: Change | None, second: Change, told: Change
) -> None:
    """A move before all others, a bridge before a number; of two alike, what was there before both."""
    assert foremost(first, second) == told


ENABLE = Decision(Action.ENABLE, "there is no provider", "+1", "+2")
UNSEEN = UserResult(
    guid(1),
    Outcome.FAILED,
    "the service took the change but does not show it yet",
    licensed().upn,
    decision=Action.ENABLE,
    provider="Microsoft",
)


@pytest.mark.parametrize(
    ("change", "decision", "seen", "result", "after"),
    [
        (MOVE, ENABLE, True, (MOVED, "Microsoft"), replace(SINCE, bridge="one")),
        (MOVE, Decision(Action.ENABLE, ""), True, (MOVED, "Microsoft"), SINCE),
        (MOVE, ENABLE, False, None, None),
        (NUMBER, ENABLE, False, None, DialIn("Microsoft", "+1", "+2", "one")),
        (NUMBER, Decision(Action.ENABLE, ""), False, None, DialIn("Microsoft")),
    ],
)
def test_a_set_that_the_service_took(
    change: Change,
    decision: Decision,
    seen: bool,
    result: tuple[Outcome, str] | None,
    after: DialIn | None,
) -> None:
    """The change ends with what is seen, or, for a number that nobody sees yet, with what was chosen."""
    found = replace(FOUND, decision=decision)
    told = done(found, change, AFTER if seen else None, "one" if decision.number else None)
    assert told == (found.result(*result) if result else UNSEEN)
    assert told.change == (replace(change, after=after) if after else None)


@pytest.mark.parametrize("needs_person", [True, False])
def test_who_could_not_be_changed(needs_person: bool) -> None:
    """The reason is the caller's, who also says whether only a person can help."""
    found = replace(FOUND, decision=ENABLE)
    expected = replace(UNSEEN, reason="refused", needs_person=needs_person)
    assert failed(found, "refused", needs_person=needs_person) == expected
    assert failed(found, "refused") == replace(expected, needs_person=False)
