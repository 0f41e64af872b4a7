"""Tables `guard` and `held` and the pause against the real Azurite: exact, and read by the version before."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from shared.domain.guard import REPLACED
from shared.domain.held import HeldUser
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import Waiting, WaitReason
from shared.domain.run import Run, RunState, Signal
from shared.services.moving.guard import GuardCounter
from shared.storage.guard import GuardTable
from shared.storage.held import HeldTable
from shared.storage.move_requests import MoveRequestTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from shared.storage.waiting import WaitingTable
from tests.fakes import NOON, FakeClock, guid

HOUR = timedelta(hours=1)
HELD = HeldUser(
    guid(1), "adele@x.example", "BT", Signal.CATCH_UP, "run-1", NOON, "why", runs=("run-1",)
)


async def test_many_processes_never_count_more_than_the_limit(tables: Tables) -> None:
    """Four processes and 30 users at once, twice: 10 within the hour, whoever they are, and 10 later."""
    clock = FakeClock()
    table = GuardTable(tables.table("guard"))
    for hour in range(2):
        clock.passed = hour * 3600.0
        processes = [GuardCounter(table, clock) for _ in range(4)]
        users = [guid(number) for number in range(30)]
        answers = await asyncio.gather(
            *(processes[n % 4].count(REPLACED, user, 10, HOUR) for n, user in enumerate(users))
        )
        assert Counter(answers) == {True: 10, False: 20}
        again = [await processes[0].count(REPLACED, user, 10, HOUR) for user in users]
        assert again == answers, "who was counted is counted for every process, and nobody else"
    assert len([number async for number, _ in table.slots(REPLACED)]) == 10


async def test_held_users_are_on_one_list_until_they_are_settled(tables: Tables) -> None:
    """Found by user and by run, released, removed; who is held already stays on the first list.

    Its row learns of the other runs that meet the user, and is not removed by who does not know of one.
    """
    held = HeldTable(tables.table("held"))
    assert not await held.is_any()
    other = replace(HELD, user_id="f" + guid(2)[1:], run="run-2", runs=("run-2",))
    for row in (HELD, other):
        await held.add_held(row)
    first = await held.find_held(HELD.user_id)
    for _ in range(2):
        await held.add_held(replace(other, user_id=HELD.user_id))
    assert await held.is_any()
    known = replace(HELD, runs=("run-1", "run-2"))
    assert [each async for each in held.held()] == [known, other]
    assert [each async for each in held.held_of("run-2")] == [other]
    assert await held.counts() == {known.run: 1, "run-2": 1}
    await held.mark_released(HELD.user_id, NOON)
    assert await held.counts() == {"run-2": 1}
    await held.mark_released(guid(77), NOON)
    assert await held.find_held(HELD.user_id) == replace(known, released=True, released_at=NOON)
    assert first
    assert not await held.remove_held(first)
    last = await held.find_held(HELD.user_id)
    assert last
    assert [await held.remove_held(last) for _ in range(2)] == [True, False]
    assert await held.find_held(HELD.user_id) is None
    assert [each async for each in held.held()] == [other]


async def test_the_pause_is_there_for_every_process_until_it_ends(tables: Tables) -> None:
    """Who, why and since when come back as they were."""
    one, another = (StateTable(tables.table("state")) for _ in range(2))
    adele = RequestedBy("adele@x.example", guid(9))
    pause = Pause("wrong licenses", adele, NOON)
    assert await another.pause() is None
    await one.save_pause(pause, adele, NOON)
    assert await another.pause() == pause
    await another.save_pause(None, adele, NOON + HOUR)
    assert await one.pause() is None
    assert await one.licensed() is None
    await one.save_licensed(0)
    assert await another.licensed() == 0


async def test_what_is_new_in_old_tables_is_read_back_and_by_the_version_before(
    tables: Tables,
) -> None:
    """Held and paused users, runs and requests: the version before finds only values that it knows."""
    waiting = WaitingTable(tables.table("waiting"), FakeClock())
    row = Waiting(guid(1), WaitReason.PAUSED, "paused", NOON, NOON, NOON, attempt=0)
    await waiting.save_waiting(row)
    assert await waiting.find_waiting(guid(1)) == row
    users, runs = (
        UserTable(tables.table("users")),
        RunTable(tables.table("runs"), tables.table("runresults")),
    )
    result = UserResult(guid(1), Outcome.HELD, "held", "adele@x.example", "BT")
    await users.record_result(result, Signal.CATCH_UP, NOON)
    known = await users.known(guid(1))
    assert known is not None
    assert known.outcome is Outcome.HELD
    run = Run("20261123T110000Z-catch-up-held", Signal.CATCH_UP, RunState.HELD, NOON, scanned=True)
    run = replace(run, holds=True, requested_by="adele")
    await runs.save_run(run)
    assert await runs.find_run(run.id) == run
    await runs.record_results(run.id, [result], NOON)
    assert [each async for each in runs.results(run.id)] == [result]
    for table, partition, name, value in (
        ("waiting", guid(1)[0], "cause", "service"),
        ("users", guid(1)[0], "outcome", "waiting"),
        ("runresults", run.id, "outcome", "waiting"),
    ):
        stored = await tables.table(table).get(partition, guid(1))
        assert stored is not None
        assert stored[name] == value
    await users.record_result(replace(result, outcome=Outcome.MOVED), Signal.CATCH_UP, NOON)
    known = await users.known(guid(1))
    assert known is not None
    assert known.outcome is Outcome.MOVED
    requests = MoveRequestTable(tables.table("requests"))
    for expected in (None, 0, 7):
        request = MoveRequest(options=MoveOptions(expected=expected))
        await requests.save_request("run", request)
        assert await requests.request("run") == request
