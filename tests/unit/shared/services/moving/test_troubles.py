"""The mover when things go wrong: nothing is lost, nobody stands in another's way."""

from datetime import datetime, timedelta

import pytest

from shared.domain.claim import HELD_FOR, BegunChange, Claim
from shared.domain.decision import Action, Rules
from shared.domain.history import Change, DialIn, HistoryEvent
from shared.domain.number_rules import NumberRules
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome
from shared.domain.retry import DEFAULT_PACE, Attempt, RetryPolicy, WaitReason, keep_waiting
from shared.domain.run import Signal
from shared.domain.user import PlanStatus, ServiceUser
from shared.errors import (
    AccessDeniedError,
    BusyError,
    ContractError,
    NotFoundError,
    RejectedError,
    RetryLaterError,
    ServerFaultError,
    ServiceError,
    StorageError,
    ThrottledError,
    UnreachableError,
)
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeMoveRequests,
    FakeReplaced,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import MovingWorld as World

PUT = "PUT /Teams.Cpc/users/{id}"


async def test_nothing_is_changed_when_saving_fails(world: World) -> None:
    """Rule 1: when the table refuses the entries, the provider stays and the user comes again."""
    world.replaced.down = True
    assert await world.outcome() is Outcome.FAILED
    assert world.teams.sets == []
    assert world.teams.known[guid(1)].provider == third_party()
    assert world.waiting.rows[guid(1)].due is not None


async def test_a_number_on_no_bridge_changes_nothing(world: World) -> None:
    """A number rule that fits no bridge: nothing is saved as begun, nothing is set, the reason is told."""
    world.rules = Rules(numbers=NumberRules(default="+14255550199"))
    world.teams.on_no_bridge.add("+14255550199")
    assert await world.outcome() is Outcome.FAILED
    assert (world.replaced.moves, world.teams.sets) == ({}, [])
    assert "+14255550199 is on no bridge" in world.waiting.rows[guid(1)].reason


async def test_an_unrecorded_move_is_told_also_when_the_number_differs(world: World) -> None:
    """The app died after the change; the next look gives the number of a rule, and tells of the move."""
    world.replaced.moves[guid(1)] = BegunChange("InterCall", NOON)
    world.teams.add(in_service(1, microsoft()))
    world.rules = Rules(numbers=NumberRules(default="+15550177"))
    (result,) = await world.move(1)
    assert (result.outcome, result.old_provider) == (Outcome.MOVED, "InterCall")
    assert world.teams.sets == [(guid(1), False, "+15550177")]


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
    (result,) = await world.move(1)
    told = (result.outcome, result.reason, result.decision)
    waits = "the service says: not a conferencing user yet"
    assert told == (Outcome.WAITING, waits, Action.WAIT)


async def test_retired_replacing_asks_a_person(world: World) -> None:
    """A service that does not replace providers any more: needs attention at once, no loop."""
    error = RejectedError("Teams", PUT, "HTTP 400", "ReplaceProviderRetired")
    world.teams.set_errors[guid(1)] = error
    assert await world.outcome() is Outcome.FAILED
    row = world.waiting.rows[guid(1)]
    assert row.needs_attention
    assert row.reason == "the service does not replace third-party providers any more"


async def test_failures_end_with_a_person(world: World) -> None:
    """Rule 3: a user who fails repeatedly ends in needs attention with the reason, and stays due."""
    world.teams.errors[guid(1)] = RejectedError("Teams", "GET", "HTTP 400", "Strange")
    for _ in range(3):
        assert await world.outcome() is Outcome.FAILED
        world.clock.passed += 60
    row = world.waiting.rows[guid(1)]
    assert (row.needs_attention, row.failures) == (True, 3)
    assert row.due == NOON + timedelta(minutes=2, hours=1)
    assert "HTTP 400" in row.reason


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("Teams", "GET", "ReadTimeout"),
        ThrottledError("Teams", "GET", "HTTP 429"),
        ServerFaultError("Teams", "GET", "HTTP 500"),
        AccessDeniedError("Teams", "GET", "HTTP 403"),
        StorageError("insert in table replacedproviders", "HttpResponseError"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_trouble_of_a_service_counts_by_time_and_is_cleared_when_it_ends(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule 3: however often it fails, only the grace period asks a person; the cure ends it by itself."""
    lines = Lines(caplog)
    world.teams.errors[guid(1)] = error
    for hour in range(24):
        world.clock.passed = hour * 3600.0
        assert await world.outcome() is Outcome.FAILED
        row = world.waiting.rows[guid(1)]
        assert (row.cause, row.failures, row.needs_attention) == (WaitReason.SERVICE, 0, False)
    world.clock.passed = 24 * 3600.0
    await world.move(1)
    row = world.waiting.rows[guid(1)]
    assert (row.needs_attention, row.due) == (True, NOON + timedelta(hours=27))
    world.teams.errors.clear()
    world.clock.passed = 27 * 3600.0
    assert await world.outcome() is Outcome.MOVED
    assert world.waiting.rows == {}
    cleared = lines.one("attention_cleared")
    assert (cleared["outcome"], cleared["reason"]) == ("moved", "the provider is InterCall")


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
    assert (row.attempt, row.failures, row.needs_attention) == (1, 0, False)


async def test_long_pause_is_waited_out(world: World) -> None:
    """When the service asks for an hour, the next look comes after that hour and costs no try."""
    world.teams.errors[guid(1)] = RetryLaterError("Teams", "GET", 3600)
    for _ in range(5):
        await world.move(1)
    row = world.waiting.rows[guid(1)]
    assert row.due == NOON + timedelta(hours=1)
    assert (row.attempt, row.failures) == (1, 0)


async def test_entries_too_many_to_save_ask_a_person(world: World) -> None:
    """Entries that cannot be saved whole are not replaced; trying again would not help."""
    world.replaced.too_large = True
    assert await world.outcome() is Outcome.FAILED
    assert world.teams.sets == []
    assert world.waiting.rows[guid(1)].needs_attention


async def test_move_that_was_never_recorded_is_still_ours(world: World) -> None:
    """After a crash between the change and its record, the next look records the move.

    While it may still be recorded by whoever made it, others wait.
    """
    world.users.down.add(guid(1))
    with pytest.raises(StorageError):
        await world.move(1)
    world.users.down.clear()
    with pytest.raises(BusyError):
        await world.move(1)
    assert world.clock.slept == [0, 1, 2, 4, 8]
    world.clock.passed += HELD_FOR.total_seconds()
    assert await world.outcome() is Outcome.MOVED
    assert world.users.results[guid(1)].old_provider == "InterCall"
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    assert len(world.teams.sets) == 1


async def test_old_look_does_not_take_a_newer_one_off_the_list(world: World) -> None:
    """A slow look that found the user unlicensed leaves the row that a newer look put there."""
    world.directory.add(licensed(status=PlanStatus.SUSPENDED))
    later = Attempt(guid(1), WaitReason.PROVISIONING, "why", NOON + timedelta(seconds=1))
    await world.waiting.save_waiting(
        keep_waiting(None, later, RetryPolicy(DEFAULT_PACE, timedelta(1), 1))
    )
    assert await world.outcome() is Outcome.UNLICENSED
    assert guid(1) in world.waiting.rows
    world.clock.passed += 2
    await world.move(1)
    assert world.waiting.rows == {}


async def test_change_feed_and_directory_that_disagree_get_a_second_look(world: World) -> None:
    """When delta told of a plan that the directory does not show yet, the user is tried again."""
    world.directory.add(licensed(status=None))
    world.signal = Signal.CATCH_UP
    assert await world.outcome() is Outcome.UNLICENSED
    assert world.waiting.rows[guid(1)].due == NOON + timedelta(minutes=1)
    world.signal = Signal.RECHECK
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
    world.teams.changed_meanwhile = in_service(1, late)
    assert await world.outcome() is Outcome.MOVED
    assert [user.entries for user in world.replaced.saved] == [(third_party(),), (late,)]


async def test_change_that_happened_without_an_answer_is_ours(world: World) -> None:
    """A set that answers an error but took effect is found on the next look, and is not made twice.

    Nothing that other attempts began is read for it.
    """

    class Unread(FakeReplaced):
        async def begun(self, user_id: str) -> list[BegunChange]:
            raise StorageError("query in table replacedproviders", user_id)

    world.replaced = Unread()
    world.teams.takes_effect_and_fails = True
    (result,) = await world.move(1)
    before, after = (DialIn.of_entry(entry) for entry in (third_party(), microsoft()))
    assert result.outcome is Outcome.MOVED
    assert result.change == Change(HistoryEvent.MOVED, NOON, before, after)
    assert len(world.teams.sets) == 1


async def test_change_that_never_succeeds_comes_again_later(world: World) -> None:
    """A service that fails every change is left alone after some tries; the user waits."""
    world.teams.set_errors[guid(1)] = error = ServerFaultError("Teams", PUT, "HTTP 500")
    (result,) = await world.move(1)
    assert (result.outcome, result.reason, result.by_service) == (Outcome.FAILED, str(error), True)
    assert len(world.teams.sets) == 5
    assert world.clock.slept == [0.5, 1.0, 2.0, 4.0]
    assert world.users.began == {guid(1): NOON}
    assert world.users.signals == {guid(1): Signal.LICENSE_EVENT}
    assert world.waiting.rows[guid(1)].due is not None


async def test_unconfirmed_change_is_looked_at_again(world: World) -> None:
    """A change that does not show is not called done: the user comes again."""
    world.teams.lag = 99
    assert await world.outcome() is Outcome.FAILED
    assert world.waiting.rows[guid(1)].due is not None


async def test_who_fails_is_listed_before_it_is_told(world: World) -> None:
    """Whoever dies in between leaves nobody `failed` and on no list; a move is told before all else."""
    world.replaced.down = True
    world.users.down.add(guid(1))
    with pytest.raises(StorageError):
        await world.move(1)
    assert (list(world.waiting.rows), world.users.results) == ([guid(1)], {})


class ClaimsDown(FakeReplaced):
    """Table `replacedproviders`, whose answers to what follows an attempt are lost."""

    async def settle_claim(self, user: ServiceUser, claim: Claim, now: datetime) -> None:
        await super().settle_claim(user, claim, now)
        raise StorageError("write in table replacedproviders", "HttpResponseError")

    async def cancel(self, user: ServiceUser, now: datetime, *, number: bool = False) -> None:
        await super().cancel(user, now, number=number)
        raise StorageError("write in table replacedproviders", "HttpResponseError")


class MarksDown(FakeMoveRequests):
    """Table of requests, whose answer to an unmarked mail is lost."""

    async def unmark_mailed(self, run: str, user_id: str) -> None:
        await super().unmark_mailed(run, user_id)
        raise StorageError("delete in table requests", "HttpResponseError")


WHO = str(EventLog("").who(guid(1)))
AWAY = "storage: write in table {} failed: HttpResponseError"


def left_over(lines: Lines) -> list[tuple[str, str, str]]:
    """What could not be cleaned up."""
    told = lines.of("cleanup_failed")
    return [(line["user"], line["step"], line["error"]) for line in told]


async def test_a_change_that_was_seen_is_told_although_its_claim_cannot_be_settled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The number is given and read back; the claim ends by itself, and the log names it."""
    lines, world = Lines(caplog), World(replaced=ClaimsDown())
    world.directory.add(licensed())
    world.teams.add(in_service(1, microsoft()))
    world.rules = Rules(numbers=NumberRules(default="+15550177"))
    assert await world.outcome() is Outcome.ALREADY_MICROSOFT
    assert world.teams.sets == [(guid(1), False, "+15550177")]
    assert left_over(lines) == [(WHO, "settle the claim", AWAY.format("replacedproviders"))]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotFoundError("Teams", PUT, "HTTP 404"), Outcome.WAITING),
        (RejectedError("Teams", PUT, "HTTP 400", "ReplaceProviderRetired", 400), Outcome.FAILED),
        (AccessDeniedError("Teams", PUT, "HTTP 403", status=403), Outcome.FAILED),
    ],
)
async def test_why_a_change_did_not_happen_is_told_although_it_cannot_be_cancelled(
    error: ServiceError, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    """The service's answer is the user's reason, not the trouble of the table, which is logged."""
    lines, world = Lines(caplog), World(replaced=ClaimsDown(), requests=MarksDown())
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    world.teams.set_errors[guid(1)] = error
    message = world.message(guid(1), run="run-1")
    (result,) = await world.mover().move(message, MoveOptions(send_email=True))
    assert result.outcome is outcome
    assert "table" not in result.reason
    assert left_over(lines) == [
        (WHO, "unmark the mail", "storage: delete in table requests failed: HttpResponseError"),
        (WHO, "cancel the move", AWAY.format("replacedproviders")),
    ]
