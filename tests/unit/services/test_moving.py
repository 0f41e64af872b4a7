"""The mover: what it does with each decision, and the rules it keeps when things go wrong."""

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.domain.decision import Rules
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import PlanStatus
from shared.domain.waiting import Cause, Look, Patience, keep_waiting
from shared.errors import (
    AccessDeniedError,
    ContractError,
    NotFoundError,
    PausedError,
    RefusedError,
    ServerFaultError,
    StorageError,
    ThrottledError,
    UnreachableError,
)
from shared.log import EventLog
from shared.services.moving import Mover
from shared.services.recording import Recorder
from shared.storage.messages import MoveMessage
from tests.fakes import (
    NOON,
    PASSCODE,
    FakeClock,
    FakeDirectory,
    FakeReplaced,
    FakeRuns,
    FakeTeams,
    FakeUsers,
    FakeWaiting,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)

NUMBER = "+4969120012345"
PUT = "PUT /Teams.Cpc/users/{id}"


@dataclass
class World:
    """A mover with fakes around it."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    teams: FakeTeams = field(default_factory=FakeTeams)
    replaced: FakeReplaced = field(default_factory=FakeReplaced)
    users: FakeUsers = field(default_factory=FakeUsers)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    runs: FakeRuns = field(default_factory=FakeRuns)
    clock: FakeClock = field(default_factory=FakeClock)
    rules: Rules = field(default_factory=Rules)
    report: bool = False
    reprocess: bool = False
    cause: str = "test"

    async def move(self, *numbers: int, run: str | None = None) -> list[UserResult]:
        recorder = Recorder(
            directory=self.directory,
            users=self.users,
            waiting=self.waiting,
            patience=Patience([timedelta(minutes=1)], timedelta(hours=24), 3, self.reprocess),
            clock=self.clock,
            log=EventLog("acp.moving"),
            report=self.report,
        )
        mover = Mover(
            directory=self.directory,
            conferencing=self.teams,
            replaced=self.replaced,
            users=self.users,
            runs=self.runs,
            recorder=recorder,
            rules=self.rules,
            clock=self.clock,
            log=EventLog("acp.moving"),
            report=self.report,
        )
        users = tuple(guid(number) for number in numbers)
        return await mover.move(MoveMessage(cause=self.cause, users=users, run=run))

    async def outcome(self, number: int = 1) -> Outcome:
        (result,) = await self.move(number)
        return result.outcome


@pytest.fixture
def world() -> World:
    """User 1: licensed, with a third party as provider."""
    world = World()
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    return world


async def test_third_party_is_saved_then_replaced(world: World) -> None:
    """A third party's user ends on Microsoft, with all entries saved and the move recorded."""
    assert await world.outcome() is Outcome.MOVED
    assert world.replaced.saved[0].entries == (third_party(),)
    assert world.teams.sets == [(guid(1), True, None)]
    assert world.users.results[guid(1)].old_provider == "InterCall"


async def test_nothing_is_changed_when_saving_fails(world: World) -> None:
    """Rule 1: when the table refuses the entries, the provider stays and the user comes again."""
    world.replaced.down = True
    assert await world.outcome() is Outcome.FAILED
    assert world.teams.sets == []
    assert world.teams.known[guid(1)].provider == third_party()
    assert world.waiting.rows[guid(1)].due is not None


async def test_no_provider_is_enabled_without_replacing(world: World) -> None:
    """A user without provider is set without ReplaceProvider, so that nothing can be overwritten."""
    world.teams.add(in_service())
    assert await world.outcome() is Outcome.MOVED
    assert world.teams.sets == [(guid(1), False, None)]
    assert world.replaced.saved == []


async def test_number_rule_sets_only_the_number(world: World) -> None:
    """A user on Microsoft with another default number gets the rule's number."""
    world.rules = Rules(numbers={"US": NUMBER})
    world.teams.add(in_service(1, microsoft()))
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    assert world.teams.sets == [(guid(1), False, NUMBER)]


async def test_already_microsoft_is_left_alone(world: World) -> None:
    """A user on Microsoft is only recorded."""
    world.teams.add(in_service(1, microsoft()))
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    assert world.teams.sets == []


async def test_unlicensed_costs_no_teams_call(world: World) -> None:
    """Rule 2: an unlicensed user is not changed, and Teams is not even asked."""
    world.directory.add(licensed(status=PlanStatus.SUSPENDED))
    assert await world.outcome() is Outcome.UNLICENSED
    assert (world.teams.sets, world.teams.reads) == ([], 0)


async def test_room_is_not_touched(world: World) -> None:
    """Rule 2: a meeting room with the same plan as users is not changed."""
    world.directory.add(replace(licensed(), is_room=True))
    assert await world.outcome() is Outcome.EXCLUDED
    assert world.teams.sets == []


async def test_unknown_to_the_directory(world: World) -> None:
    """A user whom Graph does not know is recorded as not found, and no longer waited for."""
    assert await world.outcome(2) is Outcome.NOT_FOUND
    assert guid(2) not in world.waiting.rows


async def test_waiting_user_gets_a_due_time(world: World) -> None:
    """A licensed user whom Teams does not have yet waits, and is forgotten there once moved."""
    world.teams.known.clear()
    assert await world.outcome() is Outcome.WAITING
    row = world.waiting.rows[guid(1)]
    assert (row.cause, row.due) == (Cause.PROVISIONING, NOON + timedelta(minutes=1))
    world.teams.add(in_service())
    assert await world.outcome() is Outcome.MOVED
    assert world.waiting.rows == {}


async def test_license_is_processed_again_once_where_permitted(world: World) -> None:
    """After the grace period Graph is asked once to process the license; then a person is asked."""
    world.teams.known.clear()
    world.reprocess = True
    for day in range(3):
        world.clock.passed = day * 86_400.0
        assert await world.outcome() is Outcome.WAITING
        assert world.directory.reprocessed == [guid(1)] * (day > 0)
        assert world.waiting.rows[guid(1)].needs_attention is (day == 2)


async def test_license_is_not_processed_again_without_permission(world: World) -> None:
    """Without the setting the license stays as it is, and a person is asked after the grace period."""
    world.teams.known.clear()
    for day in range(2):
        world.clock.passed = day * 86_400.0
        await world.move(1)
    assert world.directory.reprocessed == []
    assert world.waiting.rows[guid(1)].needs_attention


async def test_refused_reprocessing_asks_a_person(world: World) -> None:
    """When Graph refuses to process the license again, the person who is asked learns of it."""
    world.teams.known.clear()
    world.reprocess = True
    world.directory.reprocess_error = AccessDeniedError("Graph", "POST", "HTTP 403")
    for day in range(2):
        world.clock.passed = day * 86_400.0
        await world.move(1)
    row = world.waiting.rows[guid(1)]
    assert row.needs_attention
    assert "reprocessing failed" in row.reason


async def test_not_a_conferencing_user_yet_waits(world: World) -> None:
    """When the service answers 404 to the change, the user waits."""
    world.teams.set_errors[guid(1)] = NotFoundError("Teams", PUT, "HTTP 404 NotAConferencingUser")
    assert await world.outcome() is Outcome.WAITING


async def test_retired_replacing_asks_a_person(world: World) -> None:
    """A service that does not replace providers any more: needs attention at once, no loop."""
    error = RefusedError("Teams", PUT, "HTTP 400", "ReplaceProviderRetired")
    world.teams.set_errors[guid(1)] = error
    assert await world.outcome() is Outcome.FAILED
    row = world.waiting.rows[guid(1)]
    assert row.needs_attention
    assert "does not replace" in row.reason


async def test_failures_end_with_a_person(world: World) -> None:
    """Rule 3: a user who fails again and again ends in needs attention with the reason."""
    world.teams.errors[guid(1)] = UnreachableError(
        "Teams", "GET /Teams.User/users/{id}", "ReadTimeout"
    )
    for _ in range(3):
        assert await world.outcome() is Outcome.FAILED
        world.clock.passed += 60
    row = world.waiting.rows[guid(1)]
    assert row.needs_attention
    assert "ReadTimeout" in row.reason


async def test_missing_field_fails_that_user_only(world: World) -> None:
    """Rule 5: an answer without a field fails its user, with the field's name; the next is moved."""
    world.directory.add(licensed(2))
    world.teams.add(in_service(2, third_party()))
    world.teams.errors[guid(1)] = ContractError("Teams", "GET", "field acpInfo: Field required")
    first, second = await world.move(1, 2)
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.MOVED)
    assert "acpInfo" in first.reason


async def test_defect_met_by_one_user_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule 5: even an unexpected exception stays with its user, and is logged with its traceback."""
    world.directory.add(licensed(2))
    world.teams.add(in_service(2))
    world.teams.errors[guid(1)] = ZeroDivisionError()
    first, second = await world.move(1, 2)
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.MOVED)
    assert any(record.exc_info for record in caplog.records)


async def test_graph_down_fails_everybody_for_later(world: World) -> None:
    """When the batch itself fails, every user of the message waits for another try."""
    world.directory.down = ThrottledError("Graph", "POST /v1.0/$batch", "HTTP 429")
    assert await world.outcome() is Outcome.FAILED
    assert world.waiting.rows[guid(1)].due is not None
    assert world.teams.sets == []


async def test_unrecorded_outcome_brings_the_message_back(world: World) -> None:
    """When an outcome cannot be recorded the message comes again; the others were recorded already."""
    world.directory.add(licensed(2))
    world.teams.add(in_service(2))
    world.users.down.add(guid(1))
    with pytest.raises(StorageError, match="users"):
        await world.move(1, 2)
    assert world.users.results[guid(2)].outcome is Outcome.MOVED


async def test_burst_of_duplicates_uses_up_nobodys_tries(world: World) -> None:
    """Many looks within seconds of an outage count as one: nobody is given up for a short trouble."""
    world.teams.errors[guid(1)] = UnreachableError("Teams", "GET", "ConnectError")
    for _ in range(20):
        await world.move(1)
    row = world.waiting.rows[guid(1)]
    assert (row.failures, row.needs_attention) == (1, False)


async def test_long_pause_is_waited_out(world: World) -> None:
    """When the service asks for an hour, the next look comes after that hour and costs no try."""
    world.teams.errors[guid(1)] = PausedError("Teams", "GET", 3600)
    for _ in range(5):
        await world.move(1)
    row = world.waiting.rows[guid(1)]
    assert row.due == NOON + timedelta(hours=1)
    assert row.failures == 1


async def test_entries_of_a_pending_user_are_saved(world: World) -> None:
    """Provisioning may replace the provider by itself, so a pending user's entries are saved."""
    world.teams.add(in_service(1, third_party(), ready=False))
    assert await world.outcome() is Outcome.WAITING
    assert [user.id for user in world.replaced.saved] == [guid(1)]
    assert world.teams.sets == []


async def test_entries_too_many_to_save_ask_a_person(world: World) -> None:
    """Entries that cannot be saved whole are not replaced; trying again would not help."""
    world.replaced.too_large = True
    assert await world.outcome() is Outcome.FAILED
    assert world.teams.sets == []
    assert world.waiting.rows[guid(1)].needs_attention


async def test_move_that_was_never_recorded_is_still_ours(world: World) -> None:
    """After a crash between the change and its record, the next look records the move."""
    world.users.down.add(guid(1))
    with pytest.raises(StorageError):
        await world.move(1)
    world.users.down.clear()
    assert await world.outcome() is Outcome.MOVED
    assert world.users.results[guid(1)].old_provider == "InterCall"
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    assert len(world.teams.sets) == 1


async def test_old_look_does_not_take_a_newer_one_off_the_list(world: World) -> None:
    """A slow look that found the user unlicensed leaves the row that a newer look put there."""
    world.directory.add(licensed(status=PlanStatus.SUSPENDED))
    later = Look(guid(1), Cause.PROVISIONING, "why", NOON + timedelta(seconds=1))
    await world.waiting.put(keep_waiting(None, later, Patience([timedelta(1)], timedelta(1), 1)))
    assert await world.outcome() is Outcome.UNLICENSED
    assert guid(1) in world.waiting.rows
    world.clock.passed += 2
    await world.move(1)
    assert world.waiting.rows == {}


async def test_change_feed_and_directory_that_disagree_get_a_second_look(world: World) -> None:
    """When delta told of a plan that the directory does not show yet, the user is looked at again."""
    world.directory.add(licensed(status=None))
    world.cause = "catch_up"
    assert await world.outcome() is Outcome.UNLICENSED
    assert world.waiting.rows[guid(1)].due == NOON + timedelta(minutes=1)
    world.cause = "recheck"
    world.clock.passed += 60
    assert await world.outcome() is Outcome.UNLICENSED
    assert world.waiting.rows == {}


async def test_defect_in_the_batch_is_every_users_failure(world: World) -> None:
    """Even an unexpected exception of the batch becomes recorded failures, not a lost message."""
    world.directory.down = ZeroDivisionError()
    assert await world.outcome() is Outcome.FAILED
    assert world.waiting.rows[guid(1)].due is not None


async def test_unsure_change_is_looked_at_before_it_is_made_again(world: World) -> None:
    """Rule 1: a change without an answer is not repeated blindly: what is there now is saved first."""
    late = third_party("BT")

    async def set_and_fail(user_id: str, *, replace: bool, number: str | None = None) -> None:
        world.teams.sets.append((user_id, replace, number))
        world.teams.add(in_service(1, late))
        world.teams.set_microsoft = original  # type: ignore[method-assign]
        raise UnreachableError("Teams", PUT, "ReadTimeout")

    original = world.teams.set_microsoft
    world.teams.set_microsoft = set_and_fail  # type: ignore[method-assign]
    assert await world.outcome() is Outcome.MOVED
    assert [user.entries for user in world.replaced.saved] == [(third_party(),), (late,)]


async def test_change_that_happened_without_an_answer_is_ours(world: World) -> None:
    """A set that answers an error but took effect is found on the next look, and is not made twice."""
    world.teams.add(in_service())
    world.teams.takes_effect_and_fails = True
    assert await world.outcome() is Outcome.MOVED
    assert len(world.teams.sets) == 1


async def test_change_that_never_succeeds_comes_again_later(world: World) -> None:
    """A service that fails every change is left alone after some tries; the user waits."""
    world.teams.set_errors[guid(1)] = ServerFaultError("Teams", PUT, "HTTP 500")
    assert await world.outcome() is Outcome.FAILED
    assert len(world.teams.sets) == 5
    assert world.waiting.rows[guid(1)].due is not None


async def test_twice_has_the_effect_of_once(world: World) -> None:
    """Rule 4: the same message twice saves one record and changes the user once."""
    await world.move(1)
    await world.move(1)
    assert len(world.teams.sets) == 1
    assert len(world.replaced.saved) == 1


async def test_lagging_reads_are_waited_for(world: World) -> None:
    """A change that shows only after some readings is confirmed, with growing pauses."""
    world.teams.lag = 2
    assert await world.outcome() is Outcome.MOVED
    assert world.clock.slept == [0.0, 1.0, 2.0]


async def test_unconfirmed_change_is_looked_at_again(world: World) -> None:
    """A change that does not show is not called done: the user comes again."""
    world.teams.lag = 99
    assert await world.outcome() is Outcome.FAILED
    assert world.waiting.rows[guid(1)].due is not None


async def test_report_writes_nothing_to_the_tenant(world: World) -> None:
    """Rule 8: report mode tells who would be moved and changes nobody."""
    world.report = True
    assert await world.outcome() is Outcome.WOULD_MOVE
    assert (world.teams.sets, world.replaced.saved) == ([], [])


async def test_run_gets_its_results(world: World) -> None:
    """Users of a run are listed under the run."""
    await world.move(1, run="run-1")
    assert [result.outcome for result in world.runs.results["run-1"]] == [Outcome.MOVED]


async def test_log_has_no_passcode_and_no_names(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule 6: one line a decision, with a pseudonym for the user and without any passcode."""
    with caplog.at_level(logging.INFO):
        await world.move(1)
    assert "moved user=user-" in caplog.text
    for secret in (PASSCODE, guid(1), "contoso"):
        assert secret not in caplog.text
