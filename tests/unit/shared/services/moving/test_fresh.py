"""Rules 1 and 2: what is acted on is as fresh as the service lets it be."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.domain.decision import Action, Rules
from shared.domain.number_rules import NumberRules
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import WaitReason
from shared.domain.user import DirectoryUser, PlanStatus, ProviderEntry
from shared.errors import (
    RejectedError,
    ServerFaultError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from tests.fakes import (
    BRIDGE,
    FakeDirectory,
    FakeReplaced,
    FakeTeams,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import MovingWorld as World
from tests.unit.shared.services.moving.world import SlowTeams

MOVED = UserResult(
    user_id=guid(1),
    outcome=Outcome.MOVED,
    reason="the provider is InterCall",
    upn="user1@contoso.example",
    old_provider="InterCall",
    window=0.0,
    decision=Action.REPLACE,
    provider="InterCall",
)


def slow(world: World, queued: float = 0, seconds: float = 0) -> World:
    """The world with a Teams that takes its time."""
    world.teams = SlowTeams(world.teams.known, clock=world.clock, queued=queued, seconds=seconds)
    return world


async def test_a_move_in_time_is_one_read_and_one_set(world: World) -> None:
    """The usual case: read, save, set, read back; the length of the window is a part of the result."""
    assert await world.move(1) == [MOVED]
    assert (world.teams.reads, world.teams.first_reads) == (2, 1)


async def test_a_set_that_is_late_begins_with_another_read(world: World) -> None:
    """Rule 1: what a person set while the set waited for its turn is saved before it is replaced."""
    by_hand = in_service(1, third_party("BT"))
    world.teams.late_turns = 1
    world.teams.changed_while_late = by_hand
    (result,) = await world.move(1)
    assert result == replace(MOVED, reason="the provider is BT", old_provider="BT", provider="BT")
    assert [user.entries for user in world.replaced.saved] == [(third_party(),), by_hand.entries]
    assert world.teams.sets == [(guid(1), True, None)]
    assert world.teams.first_reads == 2, "the second assessment and the read-back go first"


async def test_who_went_to_microsoft_meanwhile_is_not_told_as_moved(world: World) -> None:
    """Finding 16: a set that was never sent is not ours when somebody else moves the user."""
    world.teams.late_turns = 1
    world.teams.changed_while_late = in_service(1, microsoft())
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    assert (world.teams.sets, world.replaced.moves) == ([], {})


async def test_a_set_that_is_late_again_and_again_comes_much_later(world: World) -> None:
    """Eight turns in vain: the service is at its limit, so the user waits, and nobody is asked."""
    world.teams.late_turns = 99
    (result,) = await world.move(1)
    assert (result.outcome, result.by_service) == (Outcome.FAILED, True)
    assert world.teams.late_turns == 99 - 8
    assert world.teams.sets == []
    row = world.waiting.rows[guid(1)]
    assert (row.cause, row.failures, row.needs_attention) == (WaitReason.SERVICE, 0, False)


async def test_the_set_has_two_seconds_from_the_read() -> None:
    """Whatever happens in between (bridge, saving) is part of the time that the set has."""
    limits: list[float | None] = []

    class Watched(FakeTeams):
        async def bridge_of(self, number: str) -> str:
            world.clock.passed += 0.5
            return await super().bridge_of(number)

        async def set_microsoft(
            self, user_id: str, *, within: float | None = None, **options: Any
        ) -> None:
            limits.append(within)
            await super().set_microsoft(user_id, within=within, **options)

    world = World(teams=Watched(), rules=Rules(toll_free="+18005550100"))
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    assert await world.outcome() is Outcome.MOVED
    assert (limits, world.teams.set_bridges) == ([1.5], [BRIDGE])


async def test_saving_that_takes_longer_than_the_window_begins_again(world: World) -> None:
    """A table that needs three seconds makes what was read old: the user is read again."""

    @dataclass
    class Table(FakeReplaced):
        async def save_entries(self, *args: Any, **options: Any) -> bool:
            world.clock.passed += 0 if self.saved else 3
            return bool(await super().save_entries(*args, **options))

    world.replaced = Table()
    assert await world.outcome() is Outcome.MOVED
    assert [user.entries for user in world.replaced.saved] == [(third_party(),)] * 2
    assert world.teams.reads == 3


async def test_the_window_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """From the answer of the read to that of the set; absent where nothing was set."""
    lines = Lines(caplog)
    world.directory.add(licensed(2))
    world.teams.add(in_service(2, microsoft()))
    await slow(world, seconds=0.25).move(1, 2)
    moved, already = lines.of("decided")
    assert {each["outcome"]: each.get("window_ms") for each in (moved, already)} == {
        "moved": "250",
        "already_microsoft": None,
    }


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        (licensed(status=PlanStatus.SUSPENDED), Outcome.UNLICENSED),
        (replace(licensed(), groups=frozenset({guid(90)})), Outcome.EXCLUDED),
        (licensed(), Outcome.MOVED),
    ],
)
async def test_license_and_groups_are_read_again_after_a_minute(
    changed: DirectoryUser, outcome: Outcome
) -> None:
    """Rule 2: excluded or unlicensed while the user was in the queue: nothing is set."""

    class Meanwhile(FakeDirectory):
        async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
            found = await super().users(ids)
            self.add(changed)
            return found

    world = World(directory=Meanwhile(), rules=Rules(excluded_groups=frozenset({guid(90)})))
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    assert await slow(world, queued=61).outcome() is outcome
    assert world.directory.batches == 2
    assert len(world.teams.sets) == (outcome is Outcome.MOVED)


LEFTOVER = (third_party(), microsoft(default=False))


@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        ((), Outcome.MOVED),
        ((microsoft(),), Outcome.ALREADY_MICROSOFT),
        (LEFTOVER, Outcome.MOVED),
    ],
)
async def test_slow_answers_keep_nobody_from_a_number(
    entries: tuple[ProviderEntry, ...], outcome: Outcome
) -> None:
    """Each takes 30 s: what the set can destroy was read last, and at once where it is two things."""
    world = World(rules=Rules(numbers=NumberRules(default="+15550177")))
    world.directory.add(licensed())
    world.teams.add(in_service(1, *entries))
    assert await slow(world, seconds=30).outcome() is outcome
    assert world.teams.sets == [(guid(1), entries == LEFTOVER, "+15550177")]


async def test_the_directory_is_read_once_within_a_minute(world: World) -> None:
    """What is a minute old is fresh enough; more reads would only slow everybody down."""
    assert await slow(world, queued=60).outcome() is Outcome.MOVED
    assert world.directory.batches == 1


async def test_a_directory_that_fails_the_second_time_changes_nothing() -> None:
    """Without a fresh answer nobody is changed: the user waits for the service."""

    class Failing(FakeDirectory):
        async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
            found = await super().users(ids)
            self.down = UnreachableError("Graph", "POST /v1.0/$batch", "ReadTimeout")
            return found

    world = World(directory=Failing())
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    assert await slow(world, queued=61).outcome() is Outcome.FAILED
    assert world.teams.sets == []
    assert world.waiting.rows[guid(1)].cause is WaitReason.SERVICE


@pytest.mark.parametrize(("users", "messages"), [(20, 3), (1, 60), (7, 8)])
async def test_at_most_sixty_users_are_in_work_at_once(users: int, messages: int) -> None:
    """The more users are begun, the older is what was read of each: others wait before their read.

    Users count, not messages: notifications come one by one, and a message of one user leaves room.
    """
    most = now = 0

    class Counting(FakeDirectory):
        async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            return await super().users(ids)

    world = World(directory=Counting())
    mover = world.mover()
    results = await asyncio.gather(
        *(
            mover.handle(world.message(*(guid(number * users + at) for at in range(users))))
            for number in range(100)
        )
    )
    assert (len(results), most) == (100, messages)


async def test_a_slow_directory_keeps_nobody_from_being_set() -> None:
    """In line for a minute, and a directory that answers after three seconds: the set is late once."""

    class Slow(FakeDirectory):
        async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
            world.clock.passed += 3
            return await super().users(ids)

    world = World(directory=Slow())
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    assert await slow(world, queued=61).outcome() is Outcome.MOVED
    assert len(world.teams.sets) == 1


async def test_who_finds_no_room_for_long_goes_to_the_end_of_the_queue() -> None:
    """The host would stop everybody in work after an hour, in the middle of a set."""
    enough = asyncio.Event()

    class Away(FakeDirectory):
        async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
            await enough.wait()
            return await super().users(ids)

    world = World(directory=Away(), patience=0.01)
    mover = world.mover()
    in_work = asyncio.create_task(mover.handle(world.message(*map(guid, range(60)))))
    await asyncio.sleep(0)
    assert await mover.handle(world.message(guid(99))) == []
    enough.set()
    assert len(await in_work) == 60
    (again,) = world.queue.moves
    assert (again.users, again.retries) == ((guid(99),), 1)


@pytest.mark.parametrize(
    "error",
    [
        RejectedError("Teams", "PUT", "HTTP 400", "Forbidden"),
        RejectedError("Teams", "PUT", "HTTP 400", "ReplaceProviderRetired"),
        ThrottledError("Teams", "PUT", "HTTP 429", status=429),
    ],
)
async def test_a_refused_set_leaves_no_mark(world: World, error: ServiceError) -> None:
    """Finding 16: after a refusal, a person's own move is not told as ours."""
    world.teams.set_errors[guid(1)] = error
    assert await world.outcome() is Outcome.FAILED
    assert world.replaced.moves == {}
    world.teams.add(in_service(1, microsoft()))
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    assert world.users.moved == {}


async def test_a_refusal_does_not_cancel_the_set_before_that_may_have_happened() -> None:
    """It happened without an answer and does not show; another one is refused: later it is told as ours."""

    class Once(FakeTeams):
        async def set_microsoft(self, user_id: str, **options: Any) -> None:
            if self.sets:
                raise RejectedError("Teams", "PUT", "HTTP 400", "Strange")
            await super().set_microsoft(user_id, **options)

    world = World(teams=Once(takes_effect_and_fails=True, lag=1))
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    assert await world.outcome() is Outcome.FAILED
    world.clock.passed += 120
    (result,) = await world.move(1)
    assert (result.outcome, result.old_provider) == (Outcome.MOVED, "InterCall")


async def test_an_unsure_number_is_not_a_move_from_microsoft(world: World) -> None:
    """Finding 16: a number whose set gave no answer is a number; the true old provider stays known."""
    await world.move(1)
    world.rules = Rules().with_numbers("+15550177", None)
    world.teams.takes_effect_and_fails = True
    (result,) = await world.move(1)
    assert (result.outcome, result.old_provider) == (Outcome.ALREADY_MICROSOFT, None)
    known = await world.users.known(guid(1))
    assert known
    assert (known.outcome, known.old_provider) == (Outcome.ALREADY_MICROSOFT, "InterCall")


async def test_a_run_whose_message_comes_again_says_moved_again(world: World) -> None:
    """Rule 14: a record says what is true in the end; in another run the user was on Microsoft."""
    await world.move(1, run="run-1")
    (again,) = await world.move(1, run="run-1")
    assert again == replace(
        MOVED,
        reason="Microsoft is the provider",
        window=None,
        decision=Action.ALREADY,
        provider="Microsoft",
    )
    assert [r.outcome for r in world.runs.recorded["run-1"]] == [Outcome.MOVED]
    (other,) = await world.move(1, run="run-2")
    assert other.outcome is Outcome.ALREADY_MICROSOFT


async def test_an_unsure_set_is_made_again_only_after_a_look(world: World) -> None:
    """A service that answers 500 to each set: five looks, five sets, and the mark of the move stays."""
    world.teams.set_errors[guid(1)] = ServerFaultError("Teams", "PUT", "HTTP 500")
    (result,) = await world.move(1)
    assert (result.outcome, result.by_service) == (Outcome.FAILED, True)
    assert (world.teams.reads, len(world.teams.sets)) == (5, 5)
    assert world.replaced.moves[guid(1)].provider == "InterCall"


async def test_a_run_that_comes_again_to_an_app_in_report_mode_keeps_its_moves(
    world: World,
) -> None:
    """Rule 14: the run moved the user; by now only another number would be set, and is not."""
    await world.move(1, run="run-1")
    world.rules = Rules().with_numbers("+15550177", None)
    world.report = True
    (again,) = await world.move(1, run="run-1")
    assert (again.outcome, again.old_provider) == (Outcome.MOVED, "InterCall")
    (other,) = await world.move(1, run="run-2")
    assert (other.outcome, other.old_provider) == (Outcome.ALREADY_MICROSOFT, "Microsoft")
    assert len(world.teams.sets) == 1
