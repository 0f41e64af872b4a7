"""Rule 10: what a set can destroy of a conferencing user is saved before it, in the same turn."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.claim import HELD_FOR, SETTLED_FOR
from shared.domain.decision import Action, Rules
from shared.domain.number_rules import NumberRules
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import Pause, RequestedBy
from shared.domain.user import ConferencingUser, ServiceUser
from shared.errors import RejectedError, StorageError
from tests.fakes import (
    BRIDGE,
    NOON,
    PASSCODE,
    FakeReplaced,
    FakeTeams,
    conferencing,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.unit.shared.services.moving.world import LIMIT
from tests.unit.shared.services.moving.world import MovingWorld as World

HERE, THERE = "+15550199", "+4969120012345"
NEIGHBOR = "+15550177"
NUMBERS = [
    BridgeNumber(HERE, BRIDGE),
    BridgeNumber(NEIGHBOR, BRIDGE),
    BridgeNumber(THERE, "europe"),
]
BRIDGES = {each.number: each.bridge for each in NUMBERS}
CHANGED = UserResult(
    user_id=guid(1),
    outcome=Outcome.BRIDGE_CHANGED,
    reason=f"{THERE} is on another bridge: a new conference ID",
    upn="user1@contoso.example",
    old_provider="Microsoft",
    window=0.0,
    decision=Action.CHANGE_BRIDGE,
    provider="Microsoft",
)


def world_of(*entries: Any, number: str | None = THERE) -> World:
    """A user with these entries, and a rule that names `number`."""
    numbers = NumberRules(default=number)
    world = World(teams=FakeTeams(bridges=NUMBERS), rules=Rules(numbers=numbers, bridges=BRIDGES))
    world.directory.add(licensed())
    world.teams.add(in_service(1, *entries))
    return world


async def test_another_bridge_is_an_outcome_of_its_own_and_the_old_one_is_saved() -> None:
    """Finding 17: conference ID, numbers and bridge are saved, then the number is set."""
    world = world_of(microsoft())
    assert await world.move(1) == [CHANGED]
    assert world.replaced.conferencing == {conferencing(guid(1)): NOON}
    assert world.teams.sets == [(guid(1), False, THERE)]
    known = await world.users.known(guid(1))
    assert known
    assert (known.outcome, known.moved_at) == (Outcome.BRIDGE_CHANGED, None)


async def test_another_number_of_the_same_bridge_is_saved_too() -> None:
    """The conference ID stays, the numbers do not."""
    world = world_of(microsoft(), number=NEIGHBOR)
    (result,) = await world.move(1)
    assert (result.outcome, result.decision) == (Outcome.ALREADY_MICROSOFT, Action.SET_NUMBER)
    assert (list(world.replaced.conferencing), world.replaced.moves) == (
        [conferencing(guid(1))],
        {},
    )


@pytest.mark.parametrize(
    ("entries", "number", "reads"),
    [
        ((third_party(),), THERE, 0),
        ((third_party(),), None, 0),
        ((third_party(), microsoft(default=False)), None, 1),
        ((), None, 0),
        ((), THERE, 1),
        ((microsoft(),), None, 0),
        ((microsoft(THERE),), THERE, 0),
    ],
    ids=[
        "third party, number",
        "third party",
        "third party, leftover",
        "nobody",
        "nobody, number",
        "nothing to do",
        "that number",
    ],
)
async def test_the_conferencing_user_is_read_only_where_the_set_can_destroy_something(
    entries: Any, number: str | None, reads: int
) -> None:
    """The usual replacement costs no further call; nobody who is no conferencing user is in the way."""
    world = world_of(*entries, number=number)
    assert await world.outcome() in (Outcome.MOVED, Outcome.ALREADY_MICROSOFT)
    assert (world.teams.conferencing_reads, world.replaced.conferencing) == (reads, {})
    assert world.teams.at_once == reads, "it stands between the read and the set"


@pytest.mark.parametrize("entries", [(), (third_party(), microsoft(default=False))])
async def test_who_is_a_conferencing_user_all_the_same_is_saved(entries: Any) -> None:
    """Entries that say otherwise: what Microsoft has is saved before it is enabled or replaced."""
    world = world_of(*entries)
    world.teams.conferencing[guid(1)] = had = conferencing(guid(1), bridge="old")
    assert await world.outcome() is Outcome.MOVED
    assert world.replaced.conferencing == {had: NOON}


@pytest.mark.parametrize("number", [THERE, NEIGHBOR])
async def test_what_cannot_be_saved_is_not_set(number: str) -> None:
    """A table that refuses, or a service that does not tell: nothing is changed, the user waits."""
    world = world_of(microsoft(), number=number)
    world.replaced.down = True
    assert await world.outcome() is Outcome.FAILED

    class Silent(FakeTeams):
        async def conferencing_user(self, user_id: str, **options: Any) -> ConferencingUser:
            return await FakeTeams().conferencing_user(user_id, **options)

    silent = world_of(microsoft(), number=number)
    silent.teams = Silent(silent.teams.known, bridges=NUMBERS)
    assert await silent.outcome() is Outcome.FAILED
    assert (world.teams.sets, silent.teams.sets) == ([], [])
    assert {guid(1)} == world.waiting.rows.keys() == silent.waiting.rows.keys()


async def test_the_bridge_decides_and_not_the_numbers() -> None:
    """A rule's number of another bridge than the user's own: what the service says of the user counts."""
    world = world_of(microsoft(), number=NEIGHBOR)
    world.teams.conferencing[guid(1)] = had = conferencing(guid(1), bridge="old")
    (result,) = await world.move(1)
    assert (result.outcome, result.decision) == (Outcome.BRIDGE_CHANGED, Action.CHANGE_BRIDGE)
    assert list(world.replaced.conferencing) == [had]


async def test_a_second_attempt_does_not_overwrite_what_was_saved_first() -> None:
    """A set without an answer that took effect: the user has the new ID, the saved one is the old one."""
    world = world_of(microsoft())
    world.teams.takes_effect_and_fails = True
    (result,) = await world.move(1)
    assert replace(result, window=0.0, reason=CHANGED.reason, decision=CHANGED.decision) == CHANGED
    assert world.replaced.conferencing == {conferencing(guid(1)): NOON}
    world.rules = replace(world.rules, numbers=NumberRules(default=HERE))
    world.clock.passed += HELD_FOR.total_seconds()
    await world.move(1)
    saved = list(world.replaced.conferencing)
    assert saved == [conferencing(guid(1)), conferencing(guid(1), THERE)]


async def test_a_run_whose_message_comes_again_says_so_again() -> None:
    """Rule 14: the bridge was changed in this run; in another one the user was on Microsoft."""
    world = world_of(microsoft())
    await world.move(1, run="run-1")
    outcomes = [(await world.move(1, run=run))[0].outcome for run in ("run-1", "run-2")]
    assert outcomes == [Outcome.BRIDGE_CHANGED, Outcome.ALREADY_MICROSOFT]


async def test_a_crash_between_set_and_record_is_told_as_ours() -> None:
    """The mark of the begun change says that it was ours, as for moves."""
    world = world_of(microsoft())
    world.users.down = {guid(1)}
    with pytest.raises(StorageError):
        await world.move(1)
    world.users.down = set()
    world.clock.passed += HELD_FOR.total_seconds()
    assert await world.outcome() is Outcome.BRIDGE_CHANGED


@pytest.mark.parametrize("refused", [True, False])
async def test_a_change_that_did_not_happen_leaves_no_mark(refused: bool) -> None:
    """Refused, or without a turn for somebody else came first: a later change by hand is not ours."""
    world = world_of(microsoft())
    if refused:
        world.teams.set_errors[guid(1)] = RejectedError(
            "Teams", "PUT", "HTTP 400", "BridgeNotFound"
        )
    else:
        world.teams.late_turns = 1
        world.teams.changed_while_late = in_service(1, microsoft(THERE))
    await world.outcome()
    world.teams.add(in_service(1, microsoft(THERE)))
    assert (await world.outcome(), world.replaced.moves) == (Outcome.ALREADY_MICROSOFT, {})


async def test_reading_and_saving_are_part_of_the_time_that_the_set_has() -> None:
    """What took three seconds to save is old: the user, and what conferencing has, are read again."""

    @dataclass
    class Slow(FakeReplaced):
        async def save_conferencing(self, *args: Any, **options: Any) -> None:
            world.clock.passed += 0 if self.conferencing else 3
            await super().save_conferencing(*args, **options)

    world = world_of(microsoft())
    world.replaced = Slow()
    assert await world.outcome() is Outcome.BRIDGE_CHANGED
    assert (world.teams.conferencing_reads, len(world.teams.sets)) == (2, 1)


async def test_report_mode_reads_and_saves_nothing_and_says_what_would_happen() -> None:
    """Rule 8: `would_change_bridge`, and no trace."""
    world = world_of(microsoft())
    world.report = True
    (result,) = await world.move(1)
    assert result == replace(CHANGED, outcome=Outcome.WOULD_CHANGE_BRIDGE, window=None)
    assert (world.teams.sets, world.replaced.conferencing) == ([], {})


def test_no_conference_id_in_a_text() -> None:
    """Neither kind of saved ID gets into a line by way of `repr`."""
    texts = repr([conferencing(guid(1)), third_party()])
    assert conferencing(guid(1)).conference_id not in texts
    assert PASSCODE not in texts


@pytest.mark.parametrize("bridges", [BRIDGES, {}], ids=["bridges are known", "not known"])
async def test_a_change_of_bridge_counts_for_the_guard(bridges: dict[str, str]) -> None:
    """Held before anything is claimed, saved or set, also where only the conferencing user tells."""
    world = world_of(microsoft())
    world.rules = replace(world.rules, bridges=bridges)
    world.limit = replace(LIMIT, moves=0)
    (result,) = await world.move(1)
    assert (result.outcome, result.decision) == (Outcome.HELD, Action.CHANGE_BRIDGE)
    assert (world.replaced, world.teams.sets, list(world.held.rows)) == (
        FakeReplaced(),
        [],
        [guid(1)],
    )


@pytest.mark.parametrize("entries", [(microsoft(),), (third_party(),), ()])
async def test_who_waits_for_the_end_of_a_pause_claims_nothing(entries: Any) -> None:
    """Nothing is saved and nothing claimed: the attempt after the pause is not kept waiting."""
    world = world_of(*entries)
    world.state.pausing = Pause("why", RequestedBy("adele"), NOON)
    (result,) = await world.move(1)
    assert (result.outcome, result.paused) == (Outcome.WAITING, True)
    assert (world.replaced, world.teams.sets) == (FakeReplaced(), [])
    world.state.pausing = None
    world.clock.passed += 1
    assert await world.outcome() in (Outcome.BRIDGE_CHANGED, Outcome.MOVED)


@pytest.mark.parametrize("number", [THERE, NEIGHBOR])
async def test_four_runs_at_once_change_and_mail_a_user_on_microsoft_once(number: str) -> None:
    """The claim covers another bridge, or number, and its mail; one run tells of the bridge."""

    class Yielding(FakeTeams):
        async def user(self, user_id: str, **options: Any) -> ServiceUser | None:
            await asyncio.sleep(0)
            return await super().user(user_id, **options)

        async def conferencing_user(self, user_id: str, **options: Any) -> ConferencingUser:
            await asyncio.sleep(0)
            return await super().conferencing_user(user_id, **options)

    world = world_of(microsoft(), number=number)
    world.teams = Yielding(world.teams.known, bridges=NUMBERS)
    mail = MoveOptions(send_email=True)
    runs = [
        world.mover().move(world.message(guid(1), run=f"run-{count}"), mail) for count in range(4)
    ]
    outcomes = Counter([result.outcome for (result,) in await asyncio.gather(*runs)])
    assert (len(world.teams.sets), world.teams.mailed) == (1, [guid(1)])
    assert outcomes[Outcome.BRIDGE_CHANGED] == (number == THERE)
    assert outcomes[Outcome.ALREADY_MICROSOFT] == 4 - (number == THERE)


async def test_a_run_that_gives_a_number_does_not_tell_of_another_runs_change() -> None:
    """The bridge was changed for a run; the next one gives a number of that bridge."""
    world = world_of(microsoft())
    await world.move(1, run="run-1")
    world.clock.passed += SETTLED_FOR.total_seconds()
    other = replace(NUMBERS[1], number="+4969120099999", bridge="europe")
    world.teams.bridges = [*NUMBERS, other]
    world.rules = Rules(
        numbers=NumberRules(default=other.number), bridges={**BRIDGES, other.number: other.bridge}
    )
    world.teams.conferencing[guid(1)] = conferencing(guid(1), THERE, "europe")
    (result,) = await world.move(1, run="run-2")
    assert (result.outcome, result.decision) == (Outcome.ALREADY_MICROSOFT, Action.SET_NUMBER)
    (again,) = await world.move(1, run="run-1")
    assert again.outcome is Outcome.BRIDGE_CHANGED
