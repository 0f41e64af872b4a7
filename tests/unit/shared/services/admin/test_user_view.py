"""Showing one user: what Graph, Teams and the app's own records say, side by side."""

from datetime import timedelta

import pytest

from shared.domain.decision import Action, Rules
from shared.domain.outcome import Outcome
from shared.domain.retry import ask_person
from shared.domain.user import PlanStatus
from shared.errors import (
    AccessDeniedError,
    AmbiguousNameError,
    ConflictError,
    InputError,
    ServerFaultError,
)
from shared.services.admin.user_view import UserReader
from tests.fakes import NOON, FakeRules, guid, in_service, licensed, microsoft, third_party
from tests.unit.shared.services.moving.world import MovingWorld as World


def shower(world: World) -> UserReader:
    """One that looks into that world."""
    return UserReader(
        directory=world.directory,
        conferencing=world.teams,
        users=world.users,
        waiting=world.waiting,
        replaced=world.replaced,
        rules=FakeRules(world.rules),
    )


async def test_a_user_before_the_move(world: World) -> None:
    """License, entries and the decision; reading changes and saves nothing."""
    view = await shower(world).show(guid(1))
    assert view.directory == licensed(1)
    assert view.service == in_service(1, third_party())
    assert (view.decision.action, view.decision.reason) == (
        Action.REPLACE,
        "the provider is InterCall",
    )
    assert (view.known, view.waiting, view.saved) == (None, None, [])
    assert (world.teams.sets, world.replaced.saved, world.users.results) == ([], [], {})


async def test_a_user_after_the_move(world: World) -> None:
    """Microsoft now; when it was moved, from whom, and what was saved of it."""
    world.clock.passed = 60
    await world.move(1)
    view = await shower(world).show("USER1@contoso.example")
    assert view.service == in_service(1, microsoft())
    assert view.decision.action is Action.ALREADY
    assert view.known is not None
    assert (view.known.outcome, view.known.old_provider) == (Outcome.MOVED, "InterCall")
    assert view.known.moved_at == view.known.looked_at == NOON + timedelta(minutes=1)
    (record,) = view.saved
    assert (record.entries, record.saved_at) == ((third_party(),), NOON + timedelta(minutes=1))


async def test_a_user_who_needs_a_person(world: World) -> None:
    """The waiting row says since when and why."""
    row = ask_person(guid(1), licensed(1).upn, "help", NOON)
    await world.waiting.save_waiting(row)
    assert (await shower(world).show(guid(1))).waiting == row


async def test_a_user_whom_teams_does_not_know(world: World) -> None:
    """There is no service's view, and the decision is to wait."""
    world.teams.known.clear()
    view = await shower(world).show(guid(1))
    assert (view.service, view.decision.action) == (None, Action.WAIT)


@pytest.mark.parametrize(
    ("rules", "status", "action"),
    [
        (Rules(excluded=frozenset({guid(1)})), PlanStatus.ENABLED, Action.EXCLUDED),
        (Rules(), PlanStatus.SUSPENDED, Action.UNLICENSED),
    ],
)
async def test_a_user_who_is_left_alone_is_shown_with_entries(
    world: World, rules: Rules, status: PlanStatus, action: Action
) -> None:
    """The rules and the license decide as they do for the mover; the entries are shown all the same."""
    world.rules = rules
    world.directory.add(licensed(1, status))
    view = await shower(world).show(guid(1))
    assert view.decision.action is action
    assert view.service == in_service(1, third_party())


@pytest.mark.parametrize("name", [guid(9), "nobody#@contoso.example"])
async def test_an_unknown_user_is_an_error_of_the_input(world: World, name: str) -> None:
    """It names the user; Teams is not asked."""
    with pytest.raises(InputError, match="does not know such a user") as caught:
        await shower(world).show(name)
    assert name in str(caught.value)
    assert world.teams.reads == 0


async def test_an_address_of_several_users_is_a_conflict(world: World) -> None:
    """K6: it shows nobody, and names both, so that one of them can be given."""
    error = AmbiguousNameError("GET /v1.0/users", ["a@contoso.example", "b@contoso.example"])
    world.directory.errors["shared@contoso.example"] = error
    with pytest.raises(ConflictError) as caught:
        await shower(world).find("shared@contoso.example")
    assert str(caught.value) == (
        "user 'shared@contoso.example': a@contoso.example and b@contoso.example have this address: "
        "give the user name or id"
    )


async def test_a_service_that_fails_is_raised_as_it_is(world: World) -> None:
    """An error of Graph or of Teams is not taken for a user that does not exist."""
    world.teams.errors[guid(1)] = ServerFaultError("Teams", "GET", "HTTP 500")
    with pytest.raises(ServerFaultError):
        await shower(world).show(guid(1))
    world.directory.errors[guid(1)] = AccessDeniedError("Graph", "GET", "HTTP 403")
    with pytest.raises(AccessDeniedError):
        await shower(world).find(guid(1))
