"""The sweep: who is queued, what is saved, what is counted."""

from dataclasses import dataclass, field, replace

import pytest

from shared.domain.decision import Rules
from shared.domain.user import AccountType, ServiceUser
from shared.errors import StorageError, UnreachableError
from shared.log import EventLog
from shared.services.sweeping import Sweeper
from shared.storage.messages import MoveMessage
from shared.storage.runs import Run
from tests.fakes import (
    FakeClock,
    FakeDirectory,
    FakeQueue,
    FakeReplaced,
    FakeRuns,
    FakeTeams,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)


@dataclass
class World:
    """A sweeper with fakes around it."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    teams: FakeTeams = field(default_factory=FakeTeams)
    replaced: FakeReplaced = field(default_factory=FakeReplaced)
    runs: FakeRuns = field(default_factory=FakeRuns)
    queue: FakeQueue = field(default_factory=FakeQueue)
    rules: Rules = field(default_factory=Rules)

    async def sweep(self) -> Run:
        sweeper = Sweeper(
            directory=self.directory,
            conferencing=self.teams,
            replaced=self.replaced,
            runs=self.runs,
            queue=self.queue,
            rules=self.rules,
            clock=FakeClock(),
            log=EventLog("acp.sweeping"),
        )
        return await sweeper.sweep()

    @property
    def queued(self) -> set[str]:
        return {user for text in self.queue.texts for user in MoveMessage.decode(text).users}


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
    assert run.state == "finished"
    assert run.counts == {
        "users": 6,
        "licensed": 4,
        "queued": 3,
        "saved": 1,
        "unreadable": 0,
        "unlisted": 0,
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
    await world.sweep()
    assert world.queued == set()


async def test_messages_are_full() -> None:
    """Users of many pages go out in messages of 20, each user once."""
    world = World()
    world.directory.add(*(licensed(number) for number in range(50)))
    world.teams.add(*(in_service(number) for number in range(50)))
    await world.sweep()
    sizes = [len(MoveMessage.decode(text).users) for text in world.queue.texts]
    assert sizes == [20, 20, 10]
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


async def test_failed_run_is_recorded_and_raised() -> None:
    """When Graph or the queue is down the run ends as failed, with the reason."""
    world = World()
    world.directory.down = UnreachableError("Graph", "GET /v1.0/users", "ConnectError")
    with pytest.raises(UnreachableError):
        await world.sweep()
    world = World(queue=FakeQueue(down=True))
    world.directory.add(licensed(1))
    world.teams.add(in_service(1))
    with pytest.raises(StorageError):
        await world.sweep()
    assert world.runs.runs[-1].state == "failed"
    assert "queue" in world.runs.runs[-1].reason
