"""Pages of requested runs: each is carried out once, nobody is lost, nobody gets two mails."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.listing import TeamsPage
from shared.domain.messages import PageMessage
from shared.domain.move_request import MoveRequest, RequestPage
from shared.domain.options import MoveOptions
from shared.domain.run import Mode, RunState
from shared.domain.user import ServiceUser
from shared.errors import ServerFaultError, StorageError, ThrottledError
from tests.fakes import NOON, FakeTeams, guid, in_service, microsoft
from tests.unit.shared.services.move_requests.test_queued import World

MAIL = MoveOptions(send_email=True)
THROTTLED = ThrottledError("Graph", "POST /v1.0/$batch", "HTTP 429")


class Yielding(FakeTeams):
    """Teams whose answers take a turn of the loop, so that others come between."""

    async def user(self, user_id: str, **options: Any) -> ServiceUser | None:
        await asyncio.sleep(0)
        return await super().user(user_id, **options)


async def test_the_same_key_five_times_at_once_mails_each_user_once() -> None:
    """Rule 4: all five calls name one run, and each user gets one set and one mail with the PIN.

    Its page is queued once; delivered five times it is carried out once all the same.
    """
    world = World(teams=Yielding())
    request = MoveRequest(tuple(world.fill(60)), options=MAIL)
    runs = await asyncio.gather(*(world.queued().accept(request, "once") for _ in range(5)))
    assert {run.id for run in runs} == {runs[0].id}
    (page,) = world.pages.pages
    await asyncio.gather(*(world.queued().work(page, again=False) for _ in range(5)))
    assert sorted(world.teams.mailed) == [guid(number) for number in range(1, 61)]
    assert world.set_once(60)
    late = world.pages.pages[1:]
    assert [(page.page, page.again) for page in late] == [(1, True)] * 4
    assert world.pages.delays[1:] == [600.0] * 4
    for page in late:
        await world.queued().work(page, again=False)
    assert (len(world.pages.pages), len(world.teams.mailed)) == (5, 60)
    assert world.runs.last.state is RunState.FINISHED


async def test_a_page_that_fails_is_given_up_at_once() -> None:
    """A table refuses once: whoever gets the message next need not wait for the claim to end."""
    world = World()
    await world.queued().accept(MoveRequest(tuple(world.fill(3))), None)
    page = world.take()
    world.runs.fails = 1
    await world.queued().work(page, again=False)
    assert world.requests.claims == {}
    await world.queued().work(world.take(), again=False)
    assert world.set_once(3)


async def test_a_claim_of_the_dead_ends_by_itself() -> None:
    """An instance that was killed with the page: it is put off, and carried out after ten minutes."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(3))), None)
    page = world.take()
    await world.requests.claim_page(run.id, 1, NOON, NOON + timedelta(minutes=10))
    await world.queued().work(page, again=False)
    assert (world.teams.sets, world.pages.messages) == ([], [replace(page, again=True)])
    world.clock.passed += 600
    await world.queued().work(world.take(), again=False)
    assert world.set_once(3)


async def test_page_0_again_over_a_shorter_list_loses_nobody() -> None:
    """Who was found the first time stays found; who is new is added; the pages keep their users."""
    world = World()
    world.fill(250)
    run = await world.queued().accept(MoveRequest(), None)
    zero = world.take()
    world.pages.down = True
    with pytest.raises(StorageError):
        await world.queued().work(zero, again=False)
    first = [page async for page in world.requests.pages(run.id)]
    world.pages.down = False
    world.teams.known[guid(1)] = in_service(1, microsoft())
    world.fill(251)
    world.teams.known[guid(1)] = in_service(1, microsoft())
    await world.queued().work(zero, again=True)
    written = [page async for page in world.requests.pages(run.id)]
    assert [page.names for page in written[: len(first)]] == [page.names for page in first]
    assert written[-1] == RequestPage(4, (guid(251),))
    assert written[0] == RequestPage(0, (), done=True)
    assert [page.number for page in written] == list(range(5))
    assert world.pages.pages == [
        PageMessage(run.id, number, True, world.pages.pages[0].operation) for number in (1, 2, 3, 4)
    ]
    assert world.runs.last == replace(run, counts={"users": 251}, scanned=True)
    run = await world.work()
    assert run.counts == {"users": 251, "moved": 250, "already_microsoft": 1}


async def test_page_0_that_another_instance_carries_out_meanwhile_loses_nobody() -> None:
    """The listing takes longer than the claim; the user who comes and who goes in between are both there."""

    class Slow(FakeTeams):
        async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
            if world.clock.passed == 0:
                world.clock.passed += 601
                await world.queued().work(zero, again=True)
                world.fill(102)
                self.add(in_service(1, microsoft()))
            async for page in super().pages(start):
                yield page

    world = World(teams=Slow())
    world.fill(101)
    run = await world.queued().accept(MoveRequest(), None)
    zero = world.take()
    await world.queued().work(zero, again=False)
    pages = [page async for page in world.requests.pages(run.id)]
    assert sorted(name for page in pages for name in page.names) == [
        guid(number) for number in range(1, 103)
    ]
    assert world.runs.last.counts == {"users": 102}


async def test_a_directory_that_throttles_page_0_postpones_it() -> None:
    """A service that is away ends no run: the search for its users comes again, as often as it takes."""
    world = World()
    world.fill(3)
    await world.queued().accept(MoveRequest(), None)
    world.directory.down = ServerFaultError("Graph", "GET /v1.0/users", "HTTP 503")
    for _ in range(6):
        await world.queued().work(world.take(), again=False)
    assert world.runs.last.state is RunState.RUNNING
    world.directory.down = None
    assert (await world.work()).counts == {"users": 3, "moved": 3}


async def test_a_user_throttled_inside_a_batch_is_looked_up_later() -> None:
    """One of 30 gets no answer: 29 have their result, the page comes again, nobody is `failed`."""
    world = World()
    names = world.fill(30)
    run = await world.queued().accept(MoveRequest(tuple(names), options=MAIL), None)
    world.directory.errors[names[4]] = THROTTLED
    await world.queued().work(world.take(), again=False)
    assert set(world.outcomes(run)) == {guid(n) for n in range(1, 31) if n != 5}
    assert world.pages.messages == [PageMessage(run.id, 1, True, None)]
    assert world.runs.last.state is RunState.RUNNING
    world.directory.errors.clear()
    run = await world.work()
    assert (run.state, run.counts) == (RunState.FINISHED, {"users": 30, "moved": 30})
    assert world.set_once(30)
    assert len(world.teams.mailed) == 30


async def test_a_user_throttled_by_hand_is_left_for_the_next_time() -> None:
    """On the command line the same: an interrupted run, and resuming it moves the user."""
    world = World()
    names = world.fill(30)
    world.directory.errors[names[4]] = THROTTLED
    with pytest.raises(ThrottledError):
        await world.carry_out(*names)
    assert (world.runs.last.state, len(world.outcomes(world.runs.last))) == (
        RunState.INTERRUPTED,
        29,
    )
    world.directory.errors.clear()
    run = await world.runner().carry_out(world.runs.last.id)
    assert (run.state, run.counts) == (RunState.FINISHED, {"users": 30, "moved": 30})


async def test_pages_of_a_reporting_app_change_nobody_in_a_moving_one() -> None:
    """Rule 8: the run carries the mode of the app that began it."""
    world = World(report=True)
    run = await world.queued().accept(MoveRequest(tuple(world.fill(3))), None)
    assert run.mode is Mode.REPORT
    world.report = False
    assert (await world.work()).counts == {"users": 3, "would_move": 3}
    assert world.teams.sets == []


async def test_a_run_of_before_changes_nobody() -> None:
    """A run that an older version queued says no mode: its users are looked at."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(3))), None)
    world.runs.runs[run.id] = replace(world.runs.runs[run.id], mode=None)
    assert (await world.work()).counts == {"users": 3, "would_move": 3}
    assert world.teams.sets == []
