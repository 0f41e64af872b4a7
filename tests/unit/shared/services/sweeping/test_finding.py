"""Finding users by their provider: the same users as the sweep, and nothing is written."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.decision import Action, Rules, decide
from shared.domain.number_rules import NumberRules
from shared.domain.user import AccountType, DirectoryUser, ServiceUser
from shared.errors import RetryLaterError, UnreachableError
from shared.services.sweeping.finding import NOBODY, UNKNOWN, Finder, Found
from tests.fakes import FakeRules, guid, in_service, licensed, microsoft, third_party
from tests.unit.shared.domain.whoever import NUMBER, RULES, SERVICES, USERS
from tests.unit.shared.services.sweeping.world import SweepingWorld as World

PEOPLE = st.lists(st.tuples(st.none() | USERS, SERVICES), max_size=5)


def populated(people: list[tuple[DirectoryUser | None, ServiceUser | None]]) -> World:
    """A world with these people: user 1, 2, ..., each with an address of the same number."""
    world = World()
    for number, (user, service) in enumerate(people, 1):
        upn = licensed(number).upn
        if user:
            world.directory.add(replace(user, id=guid(number), upn=upn))
        if service:
            world.teams.add(replace(service, id=guid(number), upn=upn))
    return world


async def ready(world: World, rules: Rules | None = None) -> list[Found]:
    """Who is ready in that world."""
    finder = Finder(world.directory, world.teams, FakeRules(rules or world.rules), world.clock)
    return [found async for found in finder.ready()]


async def on_third_party(world: World, provider: str | None = None) -> list[str]:
    """The ids of those on a third party in that world."""
    finder = Finder(world.directory, world.teams, FakeRules(world.rules), world.clock)
    return [found.user_id async for found in finder.on_third_party(provider)]


async def test_a_listing_goes_on_after_a_long_pause() -> None:
    """That of a request has no checkpoint, so it waits; not for so long that the host would stop it.

    Who looks at a list is told at once.
    """
    world = World()
    world.fill(6, third_party())
    world.teams.stop_at, world.teams.stops = 3, 1
    world.teams.stop_with = RetryLaterError("Teams", "GET users", 600)
    assert len(await on_third_party(world)) == 6
    assert (world.directory.listings, world.teams.pages_read) == (1, [0, 3])
    world.teams.stops, world.teams.stop_with = 1, RetryLaterError("Teams", "GET users", 1_800)
    with pytest.raises(RetryLaterError):
        await on_third_party(world)
    world.teams.stops, world.teams.stop_with = 1, RetryLaterError("Teams", "GET users", 130)
    with pytest.raises(RetryLaterError):
        await ready(world)
    assert world.clock.slept == [60.0] * 10


@settings(deadline=None)
@given(PEOPLE, RULES)
def test_ready_are_those_whom_the_sweep_would_queue(
    people: list[tuple[DirectoryUser | None, ServiceUser | None]], rules: Rules
) -> None:
    """For any users and rules: exactly those, apart from users who only get another number."""
    world = populated(people)
    found = asyncio.run(ready(world, rules))
    world.rules = replace(rules, numbers=NumberRules())
    asyncio.run(world.sweep())
    names = [user.user_id for user in found]
    assert len(names) == len(set(names))
    # Whom a rule excludes and Teams does not list, the sweep leaves to the mover to refuse.
    excluded = {
        user
        for user in world.queued
        if user not in names
        and (user in rules.excluded or world.directory.known[user].groups & rules.excluded_groups)
    }
    assert excluded.isdisjoint(world.teams.known)
    assert set(names) == world.queued - excluded


async def test_each_is_told_with_provider_and_what_is_to_be_done() -> None:
    """On a third party, without provider, not provisioned, not listed, not readable."""
    world = World()
    world.directory.add(*(licensed(number) for number in range(1, 7)))
    world.teams.add(
        in_service(1, third_party("PGi")),
        in_service(2),
        in_service(3, third_party("BT"), ready=False),
        in_service(4, microsoft()),
        in_service(7, third_party()),
    )
    world.teams.faults = [(guid(6), "field acpInfo: Field required"), ("", "no id")]
    unread, unlisted = (
        "cannot be read: field acpInfo: Field required",
        decide(licensed(), None, Rules()),
    )
    not_ready = decide(licensed(), world.teams.known[guid(3)], Rules())
    assert await ready(world) == [
        Found(guid(1), licensed(1).upn, "PGi", Action.REPLACE, "the provider is PGi"),
        Found(guid(2), licensed(2).upn, NOBODY, Action.ENABLE, "no provider yet"),
        Found(guid(3), licensed(3).upn, "BT", Action.WAIT, not_ready.reason),
        Found(guid(6), "", UNKNOWN, Action.WAIT, unread),
        Found(guid(5), "", NOBODY, Action.WAIT, unlisted.reason),
    ]


async def test_another_number_makes_nobody_ready() -> None:
    """Who is on Microsoft with another number than the rule's is not ready to move."""
    world = World(rules=Rules(numbers=NumberRules.parse({"US": NUMBER})))
    world.directory.add(licensed(1))
    world.teams.add(in_service(1, microsoft()))
    assert await ready(world) == []


@pytest.mark.parametrize("provider", ["PGi", "pgi", "PGI"])
async def test_users_of_one_provider(provider: str) -> None:
    """In any spelling of its name; licensed or not, and of any kind: the mover tells them apart."""
    world = World()
    world.directory.add(licensed(1), licensed(2))
    world.teams.add(
        in_service(1, third_party("PGi")),
        in_service(2, third_party("BT")),
        in_service(3, third_party("PGi"), account_type=AccountType.RESOURCE),
        in_service(4, third_party("PGi", default=False), microsoft()),
        in_service(5, third_party("BT", default=False), third_party("PGi")),
    )
    assert await on_third_party(world, provider) == [guid(1), guid(3), guid(5)]


async def test_users_of_any_third_party() -> None:
    """Everybody whose provider is neither Microsoft nor nobody, over all pages."""
    world = World()
    world.teams.add(
        in_service(1, third_party("PGi")),
        in_service(2),
        in_service(3, microsoft()),
        *(in_service(number, third_party("Elsewhere")) for number in range(4, 12)),
    )
    world.directory.add(licensed(20))
    world.teams.faults = [(guid(30), "cannot be read")]
    assert await on_third_party(world) == [guid(1), *map(guid, range(4, 12))]
    assert await on_third_party(world, "Microsoft") == []
    assert await on_third_party(world, "none") == []


async def test_a_listing_that_breaks_off_is_an_error() -> None:
    """Half a list is never taken for the whole: the error is raised."""
    world = World()
    world.fill(9)
    world.teams.stop_at = 6
    with pytest.raises(UnreachableError):
        await ready(world)


async def test_deleted_users_are_not_found_by_provider() -> None:
    """K9: Teams lists deleted users for 30 days; nobody who left is named in a run by provider."""
    world = World()
    world.teams.add(
        in_service(1, third_party("BT"), soft_deleted=True), in_service(2, third_party("BT"))
    )
    assert await on_third_party(world, "bt") == [guid(2)]


async def test_a_listing_that_begins_again_yields_each_user_once() -> None:
    """Somebody on several pages of two listings is one user."""
    world = World()
    world.fill(8)
    world.teams.add(*(in_service(number, third_party()) for number in range(4)))
    expected = await ready(world), await on_third_party(world)
    world.teams.begins_again = True
    assert (await ready(world), await on_third_party(world)) == expected
