"""The sweep: who is queued, what is saved, what is counted."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest

from shared.domain.decision import Rules
from shared.domain.listing import TeamsPage
from shared.domain.number_rules import NumberRules
from shared.domain.retry import ask_person
from shared.domain.run import RunState
from shared.domain.user import AccountType, ServiceUser
from shared.errors import StorageError
from tests.fakes import (
    NOON,
    FakeReplaced,
    FakeTeams,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.unit.shared.services.sweeping.world import SweepingWorld as World


async def test_only_those_not_as_they_should_be_are_queued() -> None:
    """Licensed users on a third party, without provider or not provisioned are queued; others not."""
    world = World()
    world.directory.add(*(licensed(number) for number in (1, 2, 3, 4)))
    world.teams.add(
        in_service(1, third_party()),
        in_service(2),
        in_service(3, microsoft()),
        in_service(4, ready=False),
        in_service(5, third_party()),
        in_service(6),
    )
    run = await world.sweep()
    assert world.queued == {guid(1), guid(2), guid(4)}
    assert run.state is RunState.MOVING
    assert run.counts == {
        "users": 6,
        "licensed": 4,
        "queued": 3,
        "saved": 1,
        "unlisted": 0,
        "attention": 0,
        "replace": 1,
        "enable": 1,
        "already": 1,
        "wait": 1,
        "unlicensed": 2,
    }


async def test_licensed_but_unknown_to_teams_is_queued() -> None:
    """Rule 3: a licensed user whom Teams does not list drops out of nothing: the mover sees to it."""
    world = World()
    world.directory.add(licensed(1))
    await world.sweep()
    assert world.queued == {guid(1)}


async def test_third_party_entries_are_saved_before_licensing() -> None:
    """The entries of an unlicensed third-party user are saved, for licensing alone may replace them."""
    world = World()
    world.teams.add(in_service(1, third_party()), in_service(2, microsoft()))
    await world.sweep()
    assert [user.id for user in world.replaced.saved] == [guid(1)]
    assert world.queued == set()


@pytest.mark.parametrize(
    "user",
    [
        in_service(1, third_party(), account_type=AccountType.RESOURCE),
        in_service(1, third_party(), account_type=AccountType.GUEST),
        in_service(1, third_party(), account_type=AccountType.ON_PREMISES),
        in_service(1, third_party(), soft_deleted=True),
    ],
)
async def test_excluded_accounts_are_not_queued(user: ServiceUser) -> None:
    """Licensed accounts that are no users are counted as excluded and not queued."""
    world = World()
    world.directory.add(licensed(1))
    world.teams.add(user)
    assert (await world.sweep()).counts["excluded"] == 1
    assert world.queued == set()


async def test_rooms_are_known_by_their_plan() -> None:
    """A room that looks like a user in Teams is recognized by its Teams Rooms plan."""
    world = World()
    world.directory.add(replace(licensed(1), is_room=True))
    world.teams.add(in_service(1, third_party()))
    assert (await world.sweep()).counts["unlicensed"] == 1
    assert world.queued == set()


async def test_rooms_are_swept_where_the_setting_permits() -> None:
    """With ACP_INCLUDE_ROOMS a room is queued like a user."""
    world = World(rules=Rules(include_rooms=True))
    world.directory.add(replace(licensed(1), is_room=True))
    world.teams.add(in_service(1, third_party()))
    await world.sweep()
    assert world.queued == {guid(1)}


async def test_members_of_excluded_groups_are_not_queued() -> None:
    """A sweep leaves out who is in an excluded group, and counts nobody of them as to be moved."""
    world = World(rules=Rules(excluded_groups=frozenset({guid(91)})))
    world.directory.add(replace(licensed(1), groups=frozenset({guid(91)})), licensed(2))
    world.teams.add(in_service(1, third_party()), in_service(2, third_party()))
    assert (await world.sweep()).counts["excluded"] == 1
    assert world.queued == {guid(2)}


async def test_number_rule_of_a_group_is_kept() -> None:
    """A sweep finds the members of a group whose default number is not the one of the group's rule."""
    world = World(rules=Rules(numbers=NumberRules.parse({guid(91): "+15550177"})))
    world.directory.add(replace(licensed(1), groups=frozenset({guid(91)})), licensed(2))
    world.teams.add(in_service(1, microsoft()), in_service(2, microsoft()))
    await world.sweep()
    assert world.queued == {guid(1)}


async def test_messages_are_full() -> None:
    """Users of many pages go out in messages of twelve, each user once."""
    world = World()
    world.fill(50)
    await world.sweep()
    sizes = [len(each.users) for each in world.queue.moves]
    assert sizes == [12, 12, 12, 12, 2]
    assert len(world.queued) == 50


async def test_unreadable_user_is_queued_and_counted() -> None:
    """A user whose fields could not be read does not stop the page; the mover records the fault."""
    world = World()
    world.directory.add(licensed(1))
    world.teams.add(in_service(1, third_party()))
    world.teams.faults = [
        (guid(9), "field acpInfo: Field required"),
        ("", "field objectId: missing"),
    ]
    run = await world.sweep()
    assert run.counts["unreadable"] == 2
    assert world.queued == {guid(1), guid(9)}


async def test_users_who_need_attention_are_looked_at_again() -> None:
    """A person may have mended what was wrong: every sweep has those users looked at once more."""
    world = World()
    await world.waiting.save_waiting(ask_person(guid(7), "", "why", NOON))
    world.fill(1)
    assert (await world.sweep()).counts["attention"] == 1
    assert world.queued == {guid(0), guid(7)}


async def test_one_users_entries_too_many_to_save_stop_nobody() -> None:
    """Rule 5: a user whose entries do not fit into a record does not stop the sweep."""
    world = World()
    world.replaced.too_large = True
    world.fill(1)
    world.teams.add(in_service(9, third_party()))
    assert (await world.sweep()).state is RunState.MOVING


async def test_a_listing_that_begins_again_counts_and_queues_each_user_once() -> None:
    """The end was not believed, and all pages are read again: the counts, the limit and the queue do not
    see anybody twice; also when the sweep was interrupted in between."""
    plain, again, interrupted = World(), World(), World()
    for world in (plain, again, interrupted):
        world.fill(8)
        world.directory.add(licensed(20))
    again.teams.begins_again = interrupted.teams.begins_again = True
    interrupted.pages.fail_at = 4
    with pytest.raises(StorageError):
        await interrupted.sweep()
    expected = await plain.sweep()
    for world in (again, interrupted):
        run = await world.sweep()
        assert (run.counts, run.page) == (expected.counts, expected.page)
        assert [each.users for each in world.queue.moves] == [
            each.users for each in plain.queue.moves
        ]


async def test_who_was_only_on_a_page_that_was_not_believed_is_not_lost() -> None:
    """The listing that begins again lacks a licensed user: tried as one whom Teams does not list."""

    class Shorter(FakeTeams):
        async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
            lacking = set[str]()
            async for page in super().pages(start):
                lacking |= {guid(3)} if page.restarts else set()
                yield replace(page, users=[user for user in page.users if user.id not in lacking])

    world = World(teams=Shorter(begins_again=True))
    world.fill(8)
    run = await world.sweep()
    assert run.counts["unlisted"] == 1
    assert guid(3) in world.queued


async def test_a_page_of_any_size_is_stored() -> None:
    """The service may give more users per page than a stored row has room for: nobody is lost."""
    world = World()
    world.teams.page_size = 10_000
    world.limit = None
    world.fill(5_000)
    run = await world.sweep()
    assert (run.state, run.counts["queued"], len(world.queued)) == (RunState.MOVING, 5_000, 5_000)
    assert run.page == 5, "a row has a thousand"


@pytest.mark.parametrize(
    ("number", "queued"),
    [
        ("+15550177", False),
        ("15550177", False),
        ("tel:+1 (555) 0177;ext=7", False),
        ("0015550177", False),
        ("+15550178", True),
        ("", True),
    ],
)
async def test_a_listing_without_location_queues_nobody_nightly(number: str, queued: bool) -> None:
    """Where Teams does not say where a user is, any number of the rules may be the right one, in any form."""
    world = World(rules=Rules(numbers=NumberRules.parse({"DE": "+15550177", "*": "+15550199"})))
    user = in_service(1, microsoft(number))
    world.directory.add(replace(licensed(1), usage_location="DE"))
    world.teams.add(replace(user, usage_location=None))
    await world.sweep()
    assert world.queued == ({guid(1)} if queued else set())


async def test_a_service_that_tells_no_providers_is_not_replaced_in() -> None:
    """Provisioned users are fine and others wait: nobody is taken for a user without a provider."""
    world = World()
    world.directory.add(licensed(1), licensed(2))
    world.teams.add(
        replace(in_service(1), provider_known=False),
        replace(in_service(2, ready=False), provider_known=False),
    )
    run = await world.sweep()
    assert (run.counts["already"], run.counts["wait"]) == (1, 1)
    assert world.queued == {guid(2)}


async def test_everybody_is_counted_whom_the_pilot_leaves_out() -> None:
    """Only the pilot is queued; the others are counted, and their entries saved where they may be lost."""
    pilot = frozenset({guid(91)})
    world = World(rules=Rules(included_groups=pilot))
    world.directory.add(*(licensed(number) for number in (1, 2, 4)))
    world.directory.add(replace(licensed(3), groups=pilot))
    world.teams.add(
        in_service(1, third_party()),
        in_service(2),
        in_service(3, third_party()),
        in_service(4, third_party(), ready=False),
    )
    run = await world.sweep()
    assert world.queued == {guid(3)}
    counts = {name: run.counts[name] for name in ("replace", "excluded", "outside_pilot")}
    assert counts == {"replace": 1, "excluded": 3, "outside_pilot": 2}
    assert [user.id for user in world.replaced.saved] == [guid(4)]


async def test_what_is_saved_is_not_offered_to_the_table_again() -> None:
    """A second sweep writes no record of entries that it finds saved, and one of those that are new."""

    class Counting(FakeReplaced):
        async def save_entries(self, user: ServiceUser, now: datetime) -> bool:
            written = await super().save_entries(user, now)
            offered.extend([user.id] * written)
            return written

    offered: list[str] = []
    world = World(replaced=Counting())
    world.teams.add(*(in_service(number, third_party()) for number in range(30)))
    assert (await world.sweep()).counts["saved"] == len(offered) == 30
    world.teams.add(in_service(7, third_party("BT")))
    assert (await world.sweep()).counts["saved"] == 1
    assert offered[30:] == [guid(7)]
