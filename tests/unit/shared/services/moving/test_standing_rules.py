"""The rules as they hold now: who is excluded by name stays excluded when renamed."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Rules
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome
from shared.errors import AmbiguousNameError, UnreachableError
from shared.services.moving.standing_rules import StandingRules
from tests.fakes import (
    FakeClock,
    FakeDirectory,
    FakeRules,
    FakeState,
    FakeTeams,
    guid,
    licensed,
)
from tests.unit.shared.services.moving.world import MovingWorld as World

NAME = "user1@contoso.example"
BRIDGES = [BridgeNumber("+18005550100", "one", True), BridgeNumber("+14255550100", "two")]
RULES = Rules(
    excluded=frozenset({NAME, guid(7)}),
    toll_free="+18005550100",
    bridges={"+18005550100": "one", "+14255550100": "two"},
)
AWAY = UnreachableError("Graph", "POST /v1.0/$batch", "ReadTimeout")


def standing(directory: FakeDirectory, state: FakeState, clock: FakeClock) -> StandingRules:
    """The rules as another process has them."""
    return StandingRules(RULES, directory, FakeTeams(bridges=BRIDGES), state, clock)


async def test_the_id_of_a_name_is_remembered() -> None:
    """Renamed after the first look: excluded by the id, in this process and in every later one."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    directory.add(licensed(1), licensed(2))
    expected = replace(RULES, excluded=RULES.excluded | {guid(1)})
    assert await standing(directory, state, clock).current() == expected
    assert state.excluded == {NAME: guid(1)}
    directory.add(replace(licensed(1), upn="renamed@contoso.example"))
    assert await standing(directory, state, clock).current() == expected
    assert directory.batches == 1, "what is remembered is not asked for again"


async def test_what_another_process_remembers_meanwhile_stays() -> None:
    """The id is found all the same, and remembered at a later look."""

    class Raced(FakeState):
        async def excluded_ids(self) -> Mapping[str, str]:
            before = await super().excluded_ids()
            self.excluded = {"other@contoso.example": guid(9)}
            return before

    directory, state = FakeDirectory(), Raced()
    directory.add(licensed(1))
    rules = await standing(directory, state, FakeClock()).current()
    assert rules == replace(RULES, excluded=RULES.excluded | {guid(1)})
    assert state.excluded == {"other@contoso.example": guid(9)}


async def test_a_name_that_another_user_took_over_excludes_both() -> None:
    """The first user by the id, the second by the name: an exclusion only ever grows."""
    directory, state, clock = FakeDirectory(), FakeState(excluded={NAME: guid(1)}), FakeClock()
    directory.add(replace(licensed(2), upn=NAME))
    rules = await standing(directory, state, clock).current()
    assert {guid(1), NAME} <= rules.excluded


async def test_an_unknown_name_is_asked_for_again_after_ten_minutes() -> None:
    """A user who is made later is excluded too; meanwhile the name alone protects."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    rules = standing(directory, state, clock)
    assert await rules.current() == RULES
    directory.add(licensed(1))
    clock.passed += 599
    assert (await rules.current(), directory.batches) == (RULES, 1)
    clock.passed += 1
    assert (await rules.current()).excluded == RULES.excluded | {guid(1)}


async def test_an_address_of_several_users_gives_no_rules() -> None:
    """K6: which of them is excluded is not known, so nobody is moved; once it was known it is remembered."""
    directory, state, clock = FakeDirectory(), FakeState(), FakeClock()
    error = AmbiguousNameError("GET /v1.0/users", ["a@contoso.example", "b@contoso.example"])
    directory.errors[NAME] = error
    with pytest.raises(AmbiguousNameError, match=r"a@contoso\.example and b@contoso\.example"):
        await standing(directory, state, clock).current()
    state.excluded = {NAME: guid(1)}
    rules = await standing(directory, state, clock).current()
    assert rules.excluded == RULES.excluded | {guid(1)}


async def test_an_id_whose_name_left_the_settings_is_free_again() -> None:
    """Only names of the settings count: what was remembered for others excludes nobody."""
    state = FakeState(excluded={"other@contoso.example": guid(9)})
    rules = await standing(FakeDirectory(), state, FakeClock()).current()
    assert guid(9) not in rules.excluded


async def test_without_names_nothing_is_asked() -> None:
    """Ids need no look at the directory."""
    directory, rules = FakeDirectory(down=AWAY), Rules(excluded=frozenset({guid(7)}))
    teams = FakeTeams(tenant_error=AWAY)
    assert await StandingRules(rules, directory, teams, FakeState(), FakeClock()).current() == rules


async def test_bridges_come_with_numbers_once_in_ten_minutes() -> None:
    """A run that asks for a number gets the bridges, too; without numbers Teams is not asked."""
    teams, clock = FakeTeams(bridges=BRIDGES), FakeClock()
    rules = StandingRules(Rules(), FakeDirectory(), teams, FakeState(), clock)
    asked = MoveOptions(service_number="+14255550100")
    assert (await rules.current(), teams.tenant_reads) == (Rules(), 0)
    both = MoveOptions(service_number="+14255550100", toll_free_number="+18005550100")
    assert (
        await StandingRules(Rules(), FakeDirectory(), teams, FakeState(), clock).current(both)
    ) == (replace(Rules().with_numbers("+14255550100", "+18005550100"), bridges=RULES.bridges))
    teams.tenant_reads = 0
    expected = replace(Rules().with_numbers("+14255550100", None), bridges=RULES.bridges)
    for passed, reads in ((0, 1), (599, 1), (600, 2)):
        clock.passed = passed
        assert (await rules.current(asked), teams.tenant_reads) == (expected, reads)


async def test_bridges_that_cannot_be_read_give_no_rules() -> None:
    """Rule 9: nobody is changed while it is not known whose conference ID a number would replace."""
    teams = FakeTeams(tenant_error=AWAY)
    with pytest.raises(UnreachableError):
        await StandingRules(RULES, FakeDirectory(), teams, FakeState(), FakeClock()).current()


async def test_a_directory_that_does_not_answer_gives_no_rules() -> None:
    """Rule 9: unknown exclusions stop the change, they are not left out."""
    directory = FakeDirectory(down=AWAY)
    with pytest.raises(UnreachableError):
        await standing(directory, FakeState(), FakeClock()).current()
    directory.down = None
    directory.errors[NAME] = AWAY
    with pytest.raises(UnreachableError):
        await standing(directory, FakeState(), FakeClock()).current()


async def test_without_rules_nobody_is_moved(world: World) -> None:
    """The mover waits for the rules, and nobody needs attention for it."""
    mover = world.mover(FakeRules(error=AWAY))
    (result,) = await mover.handle(world.message(guid(1)))
    assert (result.outcome, result.by_service) == (Outcome.FAILED, True)
    assert (world.teams.sets, world.teams.reads) == ([], 0)
    assert not world.waiting.rows[guid(1)].needs_attention
