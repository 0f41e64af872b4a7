"""The mover: what it does with each decision."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.decision import Rules
from shared.domain.number_rules import NumberRules
from shared.domain.outcome import Outcome
from shared.domain.retry import WaitReason
from shared.domain.run import Signal
from shared.domain.user import PlanStatus
from tests.fakes import NOON, PASSCODE, guid, in_service, licensed, microsoft, third_party
from tests.unit.shared.services.moving.world import MovingWorld as World

NUMBER = "+4969120012345"


async def test_third_party_is_saved_then_replaced(world: World) -> None:
    """A third party's user ends on Microsoft, with all entries saved and the move recorded."""
    assert await world.outcome() is Outcome.MOVED
    assert world.replaced.saved[0].entries == (third_party(),)
    assert world.teams.sets == [(guid(1), True, None)]
    assert world.users.results[guid(1)].old_provider == "InterCall"


async def test_no_provider_is_enabled_without_replacing(world: World) -> None:
    """A user without provider is set without ReplaceProvider, so that nothing can be overwritten."""
    world.teams.add(in_service())
    assert await world.outcome() is Outcome.MOVED
    assert world.teams.sets == [(guid(1), False, None)]
    assert world.replaced.saved == []


async def test_number_rule_sets_only_the_number(world: World) -> None:
    """A user on Microsoft with another default number gets the rule's number."""
    world.rules = Rules(numbers=NumberRules.parse({"US": NUMBER}))
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
    assert (row.cause, row.due) == (WaitReason.PROVISIONING, NOON + timedelta(minutes=1))
    world.teams.add(in_service())
    assert await world.outcome() is Outcome.MOVED
    assert world.waiting.rows == {}


async def test_license_is_processed_again_once_where_permitted(world: World) -> None:
    """After the grace period Graph is asked once to process the license; then the user needs attention."""
    world.teams.known.clear()
    world.reprocess = True
    for day in range(3):
        world.clock.passed = day * 86_400.0
        assert await world.outcome() is Outcome.WAITING
        assert world.directory.reprocessed == [guid(1)] * (day > 0)
        assert world.waiting.rows[guid(1)].needs_attention is (day == 2)


async def test_license_is_not_processed_again_without_permission(world: World) -> None:
    """Without the setting the license stays as it is, and the user needs attention after the grace period."""
    world.teams.known.clear()
    for day in range(2):
        world.clock.passed = day * 86_400.0
        await world.move(1)
    assert world.directory.reprocessed == []
    assert world.waiting.rows[guid(1)].needs_attention


async def test_entries_of_a_pending_user_are_saved(world: World) -> None:
    """Provisioning may replace the provider by itself, so a pending user's entries are saved."""
    world.teams.add(in_service(1, third_party(), ready=False))
    assert await world.outcome() is Outcome.WAITING
    assert [user.id for user in world.replaced.saved] == [guid(1)]
    assert world.teams.sets == []


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


async def test_report_writes_nothing_to_the_tenant(world: World) -> None:
    """Rule 8: report mode tells who would be moved and changes nobody."""
    world.report = True
    assert await world.outcome() is Outcome.WOULD_MOVE
    assert (world.teams.sets, world.replaced.saved) == ([], [])


async def test_run_gets_its_results(world: World) -> None:
    """Users of a run are listed under the run."""
    world.teams.lag = 1
    results = await world.move(1, run="run-1")
    assert [result.outcome for result in results] == [Outcome.MOVED]
    assert (world.runs.recorded, world.runs.began) == ({"run-1": results}, {"run-1": NOON})
    assert world.runs.recorded_at == {"run-1": NOON + timedelta(seconds=1)}
    assert world.users.began == {guid(1): NOON}
    assert world.users.signals == {guid(1): Signal.LICENSE_EVENT}


async def test_log_has_no_passcode_and_no_names(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule 6: one line a decision, with a pseudonym for the user and without any passcode."""
    with caplog.at_level(logging.INFO):
        await world.move(1)
    assert "outcome=moved" in caplog.text
    assert " user=user-" in caplog.text
    for secret in (PASSCODE, guid(1), "contoso"):
        assert secret not in caplog.text
