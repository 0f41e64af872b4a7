"""The sweep: who is queued, what is saved, what is counted."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.domain.decision import Rules
from shared.domain.guard import Guard
from shared.domain.user import AccountType, ServiceUser
from shared.domain.waiting import Patience, ask_person
from shared.errors import (
    AccessDeniedError,
    InputError,
    RefusedError,
    StorageError,
    UnreachableError,
)
from shared.log import EventLog
from shared.services.sweep_reading import SweepReader
from shared.services.sweeping import Sweeper
from shared.storage.messages import MoveMessage
from shared.storage.runs import Run, RunState
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    FakePlans,
    FakeQueue,
    FakeReplaced,
    FakeRuns,
    FakeState,
    FakeTeams,
    FakeWaiting,
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
    plans: FakePlans = field(default_factory=FakePlans)
    state: FakeState = field(default_factory=FakeState)
    queue: FakeQueue = field(default_factory=FakeQueue)
    clock: FakeClock = field(default_factory=FakeClock)
    rules: Rules = field(default_factory=Rules)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    guard: Guard | None = field(default_factory=lambda: Guard(500, 1.0))

    def sweeper(self) -> Sweeper:
        reader = SweepReader(
            directory=self.directory,
            conferencing=self.teams,
            replaced=self.replaced,
            waiting=self.waiting,
            runs=self.runs,
            plans=self.plans,
            rules=self.rules,
            clock=self.clock,
            log=EventLog("acp.sweeping"),
        )
        return Sweeper(
            reader=reader,
            runs=self.runs,
            plans=self.plans,
            state=self.state,
            queue=self.queue,
            guard=self.guard,
            patience=Patience([timedelta(minutes=1)], timedelta(hours=24), 3),
            lease=timedelta(minutes=5),
            clock=self.clock,
            log=EventLog("acp.sweeping"),
        )

    async def sweep(self) -> Run:
        run = await self.sweeper().sweep()
        assert run is not None
        return run

    def fill(self, count: int) -> None:
        """Add licensed users without provider."""
        self.directory.add(*(licensed(number) for number in range(count)))
        self.teams.add(*(in_service(number) for number in range(count)))

    @property
    def queued(self) -> set[str]:
        return set(self.sent)

    @property
    def sent(self) -> list[str]:
        return [user for text in self.queue.texts for user in MoveMessage.decode(text).users]


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
    assert run.state is RunState.FINISHED
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


async def test_messages_are_full() -> None:
    """Users of many pages go out in messages of 20, each user once."""
    world = World()
    world.fill(50)
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


async def test_interrupted_sweep_goes_on_from_its_last_page() -> None:
    """A sweep that broke off reads no page twice, and its counts and users are those of a whole one."""
    world = World()
    world.fill(12)
    world.directory.add(licensed(99))
    for stop in (3, 9):
        world.teams.stop_at = stop
        with pytest.raises(UnreachableError):
            await world.sweeper().sweep()
        assert world.runs.last.state is RunState.INTERRUPTED
        assert "ReadTimeout" in world.runs.last.reason
        assert world.sent == []
        assert await world.sweeper().resume() is None, "it goes on after a pause"
        world.clock.passed += 60
    world.teams.stop_at = None
    run = await world.sweeper().resume()
    assert run is not None
    assert run.state is RunState.FINISHED
    assert world.teams.pages_read == [0, 3, 6, 9]
    assert (run.counts["users"], run.counts["queued"], run.counts["unlisted"]) == (12, 13, 1)
    assert sorted(world.sent) == sorted([*(guid(number) for number in range(12)), guid(99)])
    assert len(world.runs.runs) == 1


async def test_queue_that_fails_loses_nobody() -> None:
    """When the queue is down the sweep goes on later, without reading the pages again."""
    world = World(queue=FakeQueue(down=True))
    world.fill(4)
    with pytest.raises(StorageError):
        await world.sweep()
    assert world.runs.last.state is RunState.INTERRUPTED
    world.queue.down = False
    world.clock.passed += 60
    await world.sweeper().resume()
    assert len(world.queued) == 4
    assert world.teams.pages_read == [0, 3]


async def test_refused_link_ends_the_sweep() -> None:
    """A link that the service does not take any more fails the run; the next sweep begins anew."""
    world = World()
    world.fill(6)
    world.teams.stop_at, world.teams.stop_with = 3, RefusedError("Teams", "GET", "HTTP 400")
    with pytest.raises(RefusedError):
        await world.sweep()
    assert world.runs.last.state is RunState.FAILED
    world.teams.stop_at = None
    assert (await world.sweep()).state is RunState.FINISHED
    assert len(world.runs.runs) == 2


async def test_old_interrupted_sweep_is_given_up() -> None:
    """After hours the picture is old: the unfinished sweep fails, and a new one reads everything."""
    world = World()
    world.fill(6)
    world.teams.stop_at = 3
    with pytest.raises(UnreachableError):
        await world.sweep()
    world.teams.stop_at = None
    world.clock.passed += 7 * 3600
    assert (await world.sweep()).counts["users"] == 6
    assert [run.state for run in world.runs.runs.values()] == [RunState.FAILED, RunState.FINISHED]


async def test_two_sweeps_never_run_at_once() -> None:
    """While one instance holds the lease another does nothing; a killed holder's lease ends by itself."""
    world = World()
    world.fill(3)
    await world.state.acquire("sweep", "somebody else", world.clock.now(), timedelta(minutes=5))
    assert await world.sweeper().sweep() is None
    assert world.teams.pages_read == []
    world.clock.passed += 301
    assert (await world.sweep()).state is RunState.FINISHED


@pytest.mark.parametrize("guard", [Guard(2, 1.0), Guard(500, 0.5)])
async def test_too_many_moves_are_held_until_released(guard: Guard) -> None:
    """A sweep over a limit queues nobody and says why; after a release all its users are queued."""
    world = World(guard=guard)
    world.fill(3)
    run = await world.sweep()
    assert run.state is RunState.HELD
    assert "would move 3" in run.reason
    assert run.counts["enable"] == 3
    assert await world.sweeper().resume() is None
    assert world.sent == []
    await world.sweeper().release(run.id)
    done = await world.sweeper().resume()
    assert done is not None
    assert (done.id, done.state) == (run.id, RunState.FINISHED)
    assert len(world.queued) == 3


async def test_at_the_limit_nothing_is_held() -> None:
    """The limits name what is still permitted."""
    world = World(guard=Guard(3, 1.0))
    world.fill(3)
    assert (await world.sweep()).state is RunState.FINISHED


async def test_unknown_users_count_for_the_guard() -> None:
    """A listing that names nobody does not open the gate: the licensed users are unknown, not safe."""
    world = World(guard=Guard(2, 1.0))
    world.directory.add(*(licensed(number) for number in range(3)))
    assert (await world.sweep()).state is RunState.HELD


async def test_release_survives_another_sweep_and_an_error() -> None:
    """What a person released is queued in the end, whatever sweeps and errors come between."""
    world = World(guard=Guard(2, 1.0))
    world.fill(3)
    held = await world.sweep()
    await world.sweeper().release(held.id)
    await world.sweeper().release(held.id)
    world.queue.down = True
    with pytest.raises(StorageError):
        await world.sweeper().resume()
    world.queue.down = False
    world.clock.passed += 8 * 3600
    done = await world.sweeper().resume()
    assert done is not None
    assert (done.id, done.state) == (held.id, RunState.FINISHED)
    assert len(world.queued) == 3


async def test_report_is_never_held() -> None:
    """Report mode moves nobody, so its sweep tells of everybody."""
    world = World(guard=None)
    world.fill(3)
    assert (await world.sweep()).state is RunState.FINISHED


async def test_users_who_need_attention_are_looked_at_again() -> None:
    """A person may have mended what was wrong: every sweep has those users looked at once more."""
    world = World()
    await world.waiting.put(ask_person(guid(7), "", "why", NOON))
    world.fill(1)
    assert (await world.sweep()).counts["attention"] == 1
    assert world.queued == {guid(0), guid(7)}


async def test_missing_role_ends_the_sweep_at_once() -> None:
    """What trying again cannot mend is not tried every minute: the run fails, with the reason."""
    world = World()
    world.fill(1)
    world.teams.stop_at, world.teams.stop_with = 0, AccessDeniedError("Teams", "GET", "HTTP 403")
    with pytest.raises(AccessDeniedError):
        await world.sweep()
    assert world.runs.last.state is RunState.FAILED
    assert await world.sweeper().resume() is None


async def test_one_users_entries_too_many_to_save_stop_nobody() -> None:
    """Rule 5: a user whose entries do not fit into a record does not stop the sweep."""
    world = World()
    world.replaced.too_large = True
    world.fill(1)
    world.teams.add(in_service(9, third_party()))
    assert (await world.sweep()).state is RunState.FINISHED


async def test_finished_sweep_leaves_no_scratch() -> None:
    """The pages of a finished sweep are forgotten; those of a held one are kept for its release."""
    world = World()
    world.fill(3)
    await world.sweep()
    assert world.plans.known == {}
    world.guard = Guard(0, 1.0)
    held = await world.sweep()
    assert list(world.plans.known) == [held.id]


async def test_only_held_runs_are_released() -> None:
    """Releasing what is not held, or does not exist, is refused with the reason."""
    world = World()
    world.fill(1)
    run = await world.sweep()
    with pytest.raises(InputError, match="finished, not held"):
        await world.sweeper().release(run.id)
    with pytest.raises(InputError, match="no such run"):
        await world.sweeper().release("20261123T120000Z-sweep-0000")


async def test_requested_sweep_begins_at_the_next_resume() -> None:
    """A sweep that was asked for is begun once, also after a crash of who asked."""
    world = World()
    world.fill(1)
    assert await world.sweeper().resume() is None
    await world.state.request_sweep()
    assert await world.sweeper().resume() is not None
    assert await world.sweeper().resume() is None
