"""The dry run: it tells what the mover would do, and leaves no trace of its own."""

import asyncio
import copy
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings

from shared.domain.decision import Action, Rules, set_number
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions, OwnNumbers
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser, PlanStatus, ServiceUser
from shared.errors import AccessDeniedError, ServerFaultError, UnreachableError
from shared.services.moving.preview import Previewer
from tests.fakes import FakeRules, guid, in_service, licensed, microsoft, third_party
from tests.unit.shared.domain.whoever import RULES, SERVICES, USERS
from tests.unit.shared.services.moving.world import MovingWorld as World

WOULD_BE = {
    Outcome.MOVED: Outcome.WOULD_MOVE,
    Outcome.BRIDGE_CHANGED: Outcome.WOULD_CHANGE_BRIDGE,
}


async def preview(
    world: World, names: Iterable[str], options: MoveOptions = DEFAULT_OPTIONS
) -> list[UserResult]:
    """What a dry run in that world tells."""
    previewer = Previewer(world.directory, world.teams, FakeRules(world.rules))
    return [result async for result in previewer.preview(names, options)]


def traces(world: World) -> list[object]:
    """All that a look could leave behind in the tenant and in the storage."""
    stores = (world.replaced, world.users, world.waiting, world.runs)
    tenant = (world.teams.known, world.teams.sets, world.directory.reprocessed)
    return copy.deepcopy([*(vars(store) for store in stores), *tenant])


@settings(deadline=None)
@given(USERS, SERVICES, RULES)
def test_the_mover_does_what_the_dry_run_tells(
    user: DirectoryUser, service: ServiceUser | None, rules: Rules
) -> None:
    """For any user and any rules: the same outcome and reason, `would_move` where it then moves."""
    world = World(rules=rules, reprocess=True)
    world.directory.add(user)
    if service:
        world.teams.add(service)
    before = traces(world)
    (told,) = asyncio.run(preview(world, [user.upn]))
    assert traces(world) == before
    (done,) = asyncio.run(world.move(1))
    would = WOULD_BE.get(done.outcome, done.outcome)
    assert (told.user_id, told.upn, told.outcome, told.reason) == (
        done.user_id,
        done.upn,
        would,
        done.reason,
    )
    if told.outcome is Outcome.WOULD_MOVE:
        assert (told.old_provider or "") == done.old_provider


async def test_each_name_gets_its_answer_in_the_given_order(world: World) -> None:
    """Found or not, by id or by address, readable or not: one result a name, nobody left out."""
    world.directory.add(licensed(2, PlanStatus.SUSPENDED), licensed(3), licensed(4), licensed(5))
    world.directory.errors[guid(3)] = AccessDeniedError("Graph", "GET", "HTTP 403")
    world.teams.errors[guid(4)] = ServerFaultError("Teams", "GET", "HTTP 500")
    world.teams.add(in_service(5, microsoft()))
    names = [guid(9), licensed(1).upn.upper(), guid(2), guid(3), guid(4), guid(5), "a#b@c.example"]
    results = await preview(world, names)
    gone = "the user is not in the directory"
    moves = UserResult(guid(1), Outcome.WOULD_MOVE, "the provider is InterCall", licensed(1).upn)
    there = UserResult(
        guid(5), Outcome.ALREADY_MICROSOFT, "Microsoft is the provider", licensed(5).upn
    )
    unlicensed = UserResult(guid(2), Outcome.UNLICENSED, "the plan is Suspended", licensed(2).upn)
    bt, ms = "InterCall", "Microsoft"
    assert results == [
        UserResult(guid(9), Outcome.NOT_FOUND, gone, guid(9)),
        replace(moves, old_provider=bt, decision=Action.REPLACE, provider=bt),
        replace(unlicensed, decision=Action.UNLICENSED),
        UserResult(guid(3), Outcome.FAILED, "Graph: GET: HTTP 403", guid(3)),
        UserResult(guid(4), Outcome.FAILED, "Teams: GET: HTTP 500", licensed(4).upn),
        replace(there, old_provider=ms, decision=Action.ALREADY, provider=ms),
        UserResult("a#b@c.example", Outcome.NOT_FOUND, gone, "a#b@c.example"),
    ]


async def test_numbers_of_ones_own_come_first(world: World) -> None:
    """The row of a file is shown with a change, whatever the case of the name, and only with one."""
    world.teams.add(in_service(1, microsoft("+1")), in_service(2, microsoft("+3", toll_free="+4")))
    world.directory.add(licensed(2))
    own = OwnNumbers("+3", "+4")
    options = MoveOptions(own_numbers={licensed(1).upn: own, guid(2): own})
    changes, there = await preview(world, [licensed(1).upn.upper(), guid(2)], options)
    reason = set_number("+3", "+4", same_bridge=True).reason
    assert (changes.decision, changes.reason) == (Action.SET_NUMBER, f"{reason}; {own}")
    assert (there.decision, there.reason) == (Action.ALREADY, "Microsoft is the provider")


async def test_unlicensed_costs_no_teams_call(world: World) -> None:
    """Whom the directory alone refuses, Teams is not asked about."""
    world.directory.add(licensed(status=None))
    await preview(world, [guid(1)])
    assert world.teams.reads == 0


async def test_more_users_than_one_batch_holds(world: World) -> None:
    """45 users are looked up 20 at a time, and all are told of."""
    numbers = range(1, 46)
    world.directory.add(*(licensed(number) for number in numbers))
    world.teams.add(*(in_service(number, third_party()) for number in numbers))
    results = await preview(world, [guid(number) for number in numbers])
    assert [result.user_id for result in results] == [guid(number) for number in numbers]
    assert {result.outcome for result in results} == {Outcome.WOULD_MOVE}


async def test_a_directory_that_is_down_is_an_error(world: World) -> None:
    """Without Graph there is nothing to tell: the error is raised, not told of each user."""
    world.directory.down = UnreachableError("Graph", "POST /v1.0/$batch", "ConnectError")
    with pytest.raises(UnreachableError):
        await preview(world, [guid(1)])


async def test_a_user_of_many_names_has_one_result(world: World) -> None:
    """K8: the address, the same in capitals, the id, and the id again in another batch: one user."""
    names = [
        licensed(1).upn,
        licensed(1).upn.upper(),
        guid(1),
        *map(guid, range(100, 120)),
        guid(1),
    ]
    results = await preview(world, names)
    assert [result.user_id for result in results] == [guid(1), *map(guid, range(100, 120))]
