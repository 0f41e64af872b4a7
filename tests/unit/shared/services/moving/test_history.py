"""Rule 13: what the mover changes is in the user's history once: when, why, who asked, before and after."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.claim import HELD_FOR, BegunChange, Claim
from shared.domain.decision import Action, Rules
from shared.domain.guard import GuardLimit
from shared.domain.history import DialIn, HistoryEvent, HistoryRecord
from shared.domain.number_rules import NumberRules
from shared.domain.outcome import Outcome
from shared.domain.run import Mode, Run, RunState, Signal
from shared.domain.saved import ReplacedProvider
from shared.errors import RejectedError, StorageError
from tests.fakes import (
    BRIDGE,
    NOON,
    PASSCODE,
    FakeReplaced,
    FakeTeams,
    FakeUsers,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.unit.shared.services.moving.world import MovingWorld

HERE, NEIGHBOR, THERE = "+15550199", "+15550177", "+4969120012345"
NUMBERS = [
    BridgeNumber(HERE, BRIDGE),
    BridgeNumber(NEIGHBOR, BRIDGE),
    BridgeNumber(THERE, "europe"),
]
HAD = DialIn("InterCall", "+15550100", "+18000100", "", "******46")
NEW = DialIn("Microsoft", HERE, conference_id="*")
MOVED = HistoryRecord(
    guid(1),
    HistoryEvent.MOVED,
    NOON,
    "user1@contoso.example",
    "license_event",
    reason="the provider is InterCall",
    before=HAD,
    after=NEW,
)


def world_of(*entries: object, number: str | None = None) -> MovingWorld:
    """A user with these entries, and a rule that names a number."""
    bridges = {each.number: each.bridge for each in NUMBERS}
    rules = Rules(numbers=NumberRules(default=number), bridges=bridges)
    world = MovingWorld(teams=FakeTeams(bridges=NUMBERS), rules=rules)
    world.directory.add(licensed())
    world.teams.add(in_service(1, *entries))  # type: ignore[arg-type]
    return world


async def test_a_move_is_one_record_and_one_request() -> None:
    """With provider and numbers before and after; of the conference ID only the last digits."""
    world = world_of(third_party())
    assert await world.outcome() is Outcome.MOVED
    assert world.history.of(guid(1)) == [MOVED]
    assert world.history.writes == 1
    assert PASSCODE not in str(world.history.records)


async def test_who_had_no_provider_had_none() -> None:
    """The record of a user who was enabled."""
    world = world_of()
    await world.move(1)
    (record,) = world.history.of(guid(1))
    assert (record.before, record.after) == (DialIn(), NEW)


async def test_another_bridge_and_another_number_are_events_of_their_own() -> None:
    """The conference ID of a user on Microsoft is masked, too."""
    world = world_of(microsoft(), number=THERE)
    await world.move(1)
    (record,) = world.history.of(guid(1))
    before = DialIn("Microsoft", HERE, "", BRIDGE, "*****16")
    after = DialIn("Microsoft", THERE, "", "bridge", "*")
    assert (record.what, record.before) == (HistoryEvent.BRIDGE_CHANGED, before)
    assert record.after == replace(after, bridge="europe")
    world = world_of(microsoft(), number=NEIGHBOR)
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    (record,) = world.history.of(guid(1))
    assert (record.what, record.before) == (HistoryEvent.NUMBER_CHANGED, before)
    assert record.after == replace(after, toll_number=NEIGHBOR, bridge=BRIDGE)


async def test_a_number_that_does_not_show_yet_is_recorded_all_the_same() -> None:
    """The service took it: no later attempt could tell it from a number that was there before."""
    world = world_of(microsoft(), number=NEIGHBOR)
    world.teams.lag = 9
    assert await world.outcome() is Outcome.FAILED
    (record,) = world.history.of(guid(1))
    assert record.after == DialIn("Microsoft", NEIGHBOR, "", BRIDGE)


async def test_the_record_says_who_asked_and_why() -> None:
    """Of a run: who began it, its ticket and its note."""
    world = world_of(third_party())
    world.signal = Signal.REQUEST
    run = Run("run-1", Signal.REQUEST, RunState.RUNNING, NOON, mode=Mode.MOVE)
    run = replace(run, requested_by="Adele (id-1)", ticket="INC1", note="pilot")
    world.runs.runs["run-1"] = run
    await world.move(1, run="run-1")
    (record,) = world.history.of(guid(1))
    told = (record.signal, record.run, record.by, record.ticket, record.note)
    assert told == ("request", "run-1", "Adele (id-1)", "INC1", "pilot")


@pytest.mark.parametrize("attempts", [1, 2])
async def test_what_is_not_recorded_is_told_by_a_later_attempt(attempts: int) -> None:
    """The history is away after a set: the user comes again, and is in it once, as of the set."""
    world = world_of(third_party())
    world.history.down.add(guid(1))
    with pytest.raises(StorageError):
        await world.move(1)
    assert (world.users.results, world.history.records) == ({}, {})
    world.history.down.clear()
    for number in range(1, attempts + 1):
        world.clock.passed = number * (HELD_FOR.total_seconds() + 1)
        await world.move(1)
    assert world.history.of(guid(1)) == [replace(MOVED, reason="Microsoft is the provider")]
    assert world.users.moved[guid(1)] > NOON


async def test_a_crash_between_history_and_outcome_leaves_one_record() -> None:
    """Table `users` is away: the move is told once more, under the key that it has."""
    world = world_of(third_party())
    world.users = FakeUsers(down={guid(1)})
    with pytest.raises(StorageError):
        await world.move(1)
    world.users.down.clear()
    world.clock.passed = HELD_FOR.total_seconds() + 1
    assert await world.outcome() is Outcome.MOVED
    assert world.history.of(guid(1)) == [MOVED]


@pytest.mark.parametrize("table", ["history", "users"])
@pytest.mark.parametrize("run", [None, "run-1"])
async def test_a_number_whose_attempt_died_is_told_by_the_next_one(
    table: str, run: str | None
) -> None:
    """Between set and record: who comes later, for that run or another signal, tells of it once."""
    world = world_of(microsoft(), number=NEIGHBOR)
    world.signal = Signal.SWEEP if run else Signal.LICENSE_EVENT
    world.runs.runs["run-1"] = Run("run-1", Signal.SWEEP, RunState.RUNNING, NOON, mode=Mode.MOVE)
    getattr(world, table).down.add(guid(1))
    with pytest.raises(StorageError):
        await world.move(1, run=run)
    getattr(world, table).down.clear()
    for passed in (HELD_FOR.total_seconds() + 1, 500, 900):
        world.clock.passed = passed
        assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    (record,) = world.history.of(guid(1))
    assert (record.what, record.at) == (HistoryEvent.NUMBER_CHANGED, NOON)
    assert record.before == DialIn("Microsoft", HERE, "", BRIDGE, "*****16")
    assert record.after
    assert record.after.toll_number == NEIGHBOR
    assert world.history.writes == (1 if table == "history" else 2)
    assert len(world.teams.sets) == 1


async def test_a_number_that_was_begun_and_never_set_is_not_told() -> None:
    """The process died before the set, or the service refused it; then the rule went, or a person set one."""
    for refused in (False, True):
        world = world_of(microsoft(), number=NEIGHBOR)
        service = world.teams.known[guid(1)]
        had = DialIn("Microsoft", HERE)
        await world.replaced.claim(service, Claim("killed", NOON), Action.SET_NUMBER, had)
        if refused:
            await world.replaced.cancel(service, NOON, number=True)
            world.teams.add(in_service(1, replace(microsoft(), toll_number=THERE)))
        world.rules = Rules()
        world.clock.passed = HELD_FOR.total_seconds() + 1
        assert await world.outcome() is Outcome.ALREADY_MICROSOFT
        assert world.history.records == {}


async def test_a_refused_number_is_cancelled() -> None:
    """What the app began did not happen: a number of a person, set later, is not told as the app's."""
    world = world_of(microsoft(), number=NEIGHBOR)
    refused = RejectedError("Teams", "PUT /Teams.Cpc/users/{id}", "HTTP 400", status=400)
    world.teams.set_errors[guid(1)] = refused
    assert await world.outcome() is Outcome.FAILED
    assert world.replaced.numbers == {}


async def test_a_number_costs_no_request_more_on_the_usual_path() -> None:
    """Who was given a number that is recorded: the claims are read once, and nothing is saved again."""
    world = world_of(microsoft(), number=NEIGHBOR)
    reads: list[str] = []

    class Counting(FakeReplaced):
        async def begun(self, user_id: str) -> list[BegunChange]:
            reads.append("begun")
            return await super().begun(user_id)

        async def of(self, user_id: str) -> list[ReplacedProvider]:
            reads.append("of")
            return await super().of(user_id)

        async def take_over(self, user_id: str, claim: Claim, *, number: bool = False) -> None:
            reads.append("take over")
            await super().take_over(user_id, claim, number=number)

    world.replaced = Counting()
    await world.move(1)
    assert reads == ["begun"]
    world.clock.passed = 500
    await world.move(1)
    assert reads == ["begun"] * 2


async def test_the_message_of_a_run_that_comes_again_adds_nothing() -> None:
    """The run still says moved, and the history has the move once."""
    world = world_of(third_party())
    world.signal = Signal.SWEEP
    world.runs.runs["run-1"] = Run("run-1", Signal.SWEEP, RunState.RUNNING, NOON, mode=Mode.MOVE)
    for passed in (0, 1, 500):
        world.clock.passed = passed
        (result,) = await world.move(1, run="run-1")
        assert result.outcome is Outcome.MOVED
    assert world.history.of(guid(1)) == [replace(MOVED, signal="sweep", run="run-1")]


async def test_a_set_without_an_answer_keeps_what_was_before() -> None:
    """The attempt looks again, finds Microsoft, and tells what it replaced."""
    world = world_of(third_party())
    world.teams.takes_effect_and_fails = True
    assert await world.outcome() is Outcome.MOVED
    assert world.history.of(guid(1)) == [replace(MOVED, reason="Microsoft is the provider")]


@pytest.mark.parametrize("report", [True, False])
async def test_who_is_not_changed_has_no_history(report: bool) -> None:
    """A report changes nobody, and neither does a look at who is on Microsoft."""
    world = world_of(third_party() if report else microsoft())
    world.report = report
    await world.move(1)
    assert world.history.records == {}


async def test_a_license_that_is_reprocessed_is_in_the_history() -> None:
    """The app asked Graph for it, after the user had waited in vain."""
    world = world_of()
    world.teams.add(in_service(1, ready=False))
    world.reprocess = True
    await world.move(1)
    world.clock.passed = 25 * 3600
    await world.move(1)
    why = world.users.results[guid(1)].reason
    assert world.history.of(guid(1)) == [
        HistoryRecord(
            guid(1),
            HistoryEvent.REPROCESSED,
            NOON + timedelta(hours=25),
            "user1@contoso.example",
            reason=f"waited in vain since 2026-11-23 12:00 UTC: {why}",
        )
    ]


async def test_a_user_is_held_once_however_often_that_is_met() -> None:
    """As of the time since which the user is on the list, also when the first writing of it failed."""
    world = world_of(third_party())
    world.limit = GuardLimit(0, None, timedelta(hours=1))
    world.history.down.add(guid(1))
    assert await world.outcome() is Outcome.FAILED
    world.history.down.clear()
    for passed in (60, 600):
        world.clock.passed = passed
        assert await world.outcome() is Outcome.HELD
    (record,) = world.history.of(guid(1))
    held = world.held.rows[guid(1)]
    assert record == HistoryRecord(
        guid(1),
        HistoryEvent.HELD,
        NOON,
        "user1@contoso.example",
        "license_event",
        held.run,
        reason=held.reason,
        before=DialIn("InterCall"),
    )
