"""What people asked for, against the real Azurite: any name a person may give is kept as it is."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.move_request import NAMES_PER_PAGE, MoveRequest, RequestPage
from shared.domain.options import MoveOptions, OwnNumbers
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Mode, Run, RunState, Signal, new_run_id
from shared.domain.saved import KnownUser
from shared.errors import BusyError
from shared.storage.move_requests import MoveRequestTable
from shared.storage.runs import RunTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from shared.userlists.names import NAME_LENGTH
from tests.fakes import NOON, guid

RUN = new_run_id(Signal.REQUEST, NOON)

NO_KEYS = (
    "a#b/c?d@x.example",
    "a%23b@x.example",
    "o'hara@x.example",
    "ß@straße.example",
    "ss@strasse.example",
    "😀@x.example",
    f"A{guid(1)[1:]}",
    guid(2).replace("-", ""),
)
"""Names of nobody that hold what a key of a table must not, or are nearly an id."""


def runs_of(tables: Tables) -> RunTable:
    """The table of runs with its results."""
    return RunTable(tables.table("runs"), tables.table("runresults"))


async def pages(requests: MoveRequestTable, run: str = RUN) -> list[RequestPage]:
    """The pages of a run as they are read back."""
    return [page async for page in requests.pages(run)]


@pytest.mark.parametrize("letter", ["a", "ü", "漢", "😀", "#", "'"])
async def test_a_full_page_of_the_longest_names(tables: Tables, letter: str) -> None:
    """100 names of 113 characters fit, whatever the characters are, and come back as they were."""
    requests = MoveRequestTable(tables.table("requests"))
    tails = [f"{number:03d}@x.example" for number in range(NAMES_PER_PAGE)]
    names = [letter * (NAME_LENGTH - len(tail)) + tail for tail in tails]
    assert {len(name) for name in names} == {NAME_LENGTH}
    await requests.save_page(RUN, RequestPage(1, names))
    assert await pages(requests) == [RequestPage(1, names)]


async def test_a_page_too_long_is_refused(tables: Tables) -> None:
    """More names than fit are a defect of the caller, and nothing is written."""
    requests = MoveRequestTable(tables.table("requests"))
    with pytest.raises(ValueError, match="at most 100"):
        await requests.save_page(RUN, RequestPage(1, ["a@x.example"] * (NAMES_PER_PAGE + 1)))
    assert await pages(requests) == []


async def test_pages_come_back_in_order_with_what_is_done(tables: Tables) -> None:
    """By number, each once, those of the run only; a page that is done keeps its names."""
    requests = MoveRequestTable(tables.table("requests"))
    for number in (10, 2, 1, 2):
        await requests.save_page(RUN, RequestPage(number, [f"{number}@x.example"]))
    await requests.save_page(f"{RUN}0", RequestPage(1, ["other@x.example"]))
    await requests.mark_done(RUN, 2)
    await requests.mark_done(RUN, 7)  # there is none: nothing happens
    assert await pages(requests) == [
        RequestPage(1, ["1@x.example"]),
        RequestPage(2, ["2@x.example"], done=True),
        RequestPage(10, ["10@x.example"]),
    ]


async def test_results_of_names_that_are_no_key(tables: Tables) -> None:
    """Each name gets a result of its own and is read back as it was given."""
    runs = runs_of(tables)
    results = [UserResult(name, Outcome.NOT_FOUND, "unknown", name) for name in NO_KEYS]
    moved = UserResult(f"a{guid(1)[1:]}", Outcome.MOVED, "why", "a@x.example", "InterCall")
    await runs.record_results(RUN, results, NOON)
    await runs.record_results(RUN, [moved], NOON)
    await runs.record_results(RUN, results, NOON)
    found = {result.user_id: result async for result in runs.results(RUN)}
    assert found == {result.user_id: result for result in (*results, moved)}
    assert len([result async for result in runs.results(RUN)]) == len(NO_KEYS) + 1


async def test_a_later_result_of_a_user_replaces_the_earlier_one(tables: Tables) -> None:
    """One result a user of a run, of the attempt that began last; but who was moved stays moved."""
    runs = runs_of(tables)

    async def recorded(outcome: Outcome, seconds: int, provider: str | None = None) -> UserResult:
        news = UserResult(guid(1), outcome, f"at {seconds}", "a@x.example", provider)
        await runs.record_results(RUN, [news], NOON, NOON + timedelta(seconds=seconds))
        (result,) = [result async for result in runs.results(RUN)]
        return result

    found = [
        (result.outcome, result.reason, result.old_provider)
        for result in [
            await recorded(Outcome.WAITING, 0, "BT"),
            await recorded(Outcome.ALREADY_MICROSOFT, 2),
            await recorded(Outcome.FAILED, 1),
            await recorded(Outcome.MOVED, 1, "PGi"),
            await recorded(Outcome.FAILED, 3),
            await recorded(Outcome.MOVED, 4, "BT"),
        ]
    ]
    already, moved = (Outcome.ALREADY_MICROSOFT, "at 2", "BT"), (Outcome.MOVED, "at 1", "PGi")
    first, last = (Outcome.WAITING, "at 0", "BT"), (Outcome.MOVED, "at 4", "BT")
    assert found == [first, already, already, moved, moved, last]


async def test_whom_a_run_moved_it_has_moved(tables: Tables) -> None:
    """Its message came again, that attempt failed, and a later one found the user on Microsoft."""
    runs = runs_of(tables)
    outcomes = (Outcome.MOVED, Outcome.FAILED, Outcome.ALREADY_MICROSOFT)
    for minute, outcome in enumerate(outcomes):
        at = NOON + timedelta(minutes=minute)
        await runs.record_results(RUN, [UserResult(guid(1), outcome, "why")], at, at)
    assert [each.outcome async for each in runs.results(RUN)] == [Outcome.MOVED]


@pytest.mark.parametrize(
    "hostile",
    ["../x", "..%2Fx", "'", "' or '1' eq '1", "", "x", "x" * 1000, "2026#1", "ß" * 20, "\0" * 9],
)
async def test_what_is_no_runs_id_is_nobodys(tables: Tables, hostile: str) -> None:
    """Whatever somebody types for an id is unknown: no error of the storage, no other row."""
    runs = runs_of(tables)
    await runs.save_run(Run(RUN, Signal.REQUEST, RunState.FINISHED, NOON))
    assert await runs.find_run(hostile) is None
    assert await runs.find_run(f"{RUN}{hostile}") is None or hostile == ""


async def test_a_well_formed_unknown_id_is_nobodys(tables: Tables) -> None:
    """Before there is a table of runs, and after."""
    runs = runs_of(tables)
    assert await runs.find_run(RUN) is None
    await runs.save_run(Run(RUN, Signal.REQUEST, RunState.FINISHED, NOON))
    assert await runs.find_run(new_run_id(Signal.REQUEST, NOON + timedelta(seconds=1))) is None
    assert await runs.find_run(RUN) is not None


async def test_last_known_state_of_a_user(tables: Tables) -> None:
    """Outcome, when, and the provider from which the user was moved, also after later looks."""
    users = UserTable(tables.table("users"))
    assert await users.known(guid(1)) is None
    moved = UserResult(guid(1), Outcome.MOVED, "why", "a@x.example", "BT")
    await users.record_result(moved, Signal.REQUEST, NOON)
    later = NOON + timedelta(hours=1)
    await users.record_result(
        UserResult(guid(1), Outcome.ALREADY_MICROSOFT, "now"), Signal.SWEEP, later
    )
    known = await users.known(guid(1))
    assert known is not None
    assert (known.outcome, known.reason) == (Outcome.ALREADY_MICROSOFT, "now")
    assert (known.moved_at, known.looked_at, known.old_provider) == (NOON, later, "BT")


async def test_a_page_belongs_to_one_of_those_who_begin_it(tables: Tables) -> None:
    """Rule 4: of five at once one gets the page; the others learn that it is being carried out."""
    requests = MoveRequestTable(tables.table("requests"))
    page = RequestPage(1, ["a@x.example"])
    await requests.save_page(RUN, page)
    until = NOON + timedelta(minutes=10)
    claims = await asyncio.gather(
        *(requests.claim_page(RUN, 1, NOON, until) for _ in range(5)), return_exceptions=True
    )
    assert [claim for claim in claims if isinstance(claim, RequestPage)] == [page]
    assert sum(isinstance(claim, BusyError) for claim in claims) == 4
    with pytest.raises(BusyError, match="page 1 is being carried out"):
        await requests.claim_page(RUN, 1, until - timedelta(seconds=1), until)
    second = NOON + 2 * (until - NOON)
    assert await requests.claim_page(RUN, 1, until, second) == page
    await requests.give_up_page(RUN, 1, until)
    with pytest.raises(BusyError, match="page 1 is being carried out"):
        await requests.claim_page(RUN, 1, until, until)
    await requests.give_up_page(RUN, 1, second)
    assert await requests.claim_page(RUN, 1, until, until) == page
    await requests.mark_done(RUN, 1)
    assert await requests.claim_page(RUN, 1, until, until) is None
    assert await requests.claim_page(RUN, 2, NOON, until) is None
    assert await pages(requests) == [replace(page, done=True)]


async def test_a_mail_is_marked_once_per_user_and_run(tables: Tables) -> None:
    """Of five at once one may ask for the mail; the marks are no pages; taken back, it may again."""
    requests = MoveRequestTable(tables.table("requests"))
    await requests.save_request(RUN, MoveRequest())
    await requests.save_page(RUN, RequestPage(1, [guid(1)], done=True))
    marks = await asyncio.gather(*(requests.mark_mailed(RUN, guid(1)) for _ in range(5)))
    assert sorted(marks) == [False] * 4 + [True]
    assert await requests.mark_mailed(f"{RUN}0", guid(1))
    assert await pages(requests) == [RequestPage(1, [guid(1)], done=True)]
    assert not await requests.is_left(RUN)
    await requests.unmark_mailed(RUN, guid(1))
    assert await requests.mark_mailed(RUN, guid(1))


async def test_the_run_of_a_move_is_remembered(tables: Tables) -> None:
    """Rule 14: which run moved the user, also after later looks; a move by itself has none."""
    users = UserTable(tables.table("users"))
    moved = UserResult(guid(1), Outcome.MOVED, "why", "a@x.example", "BT")
    await users.record_result(moved, Signal.REQUEST, NOON, RUN)
    look = UserResult(guid(1), Outcome.ALREADY_MICROSOFT, "now")
    await users.record_result(look, Signal.SWEEP, NOON, "another-run")
    expected = KnownUser(
        guid(1), Outcome.ALREADY_MICROSOFT, "now", NOON, NOON, "BT", RUN, began_at=NOON
    )
    assert await users.known(guid(1)) == expected
    assert [user async for user in users.all()] == [expected]
    await users.record_result(moved, Signal.LICENSE_EVENT, NOON)
    known = await users.known(guid(1))
    assert known == replace(expected, outcome=Outcome.MOVED, reason="why", moved_run=None)


async def test_the_mode_of_a_run_is_remembered(tables: Tables) -> None:
    """Rule 8: the mode comes back with the run; a run of before has none."""
    runs = runs_of(tables)
    run = Run(RUN, Signal.REQUEST, RunState.RUNNING, NOON)
    for mode in (None, *Mode):
        run = await runs.save_run(replace(run, mode=mode))
        assert await runs.find_run(RUN) == run


async def test_numbers_of_single_users_are_kept(tables: Tables) -> None:
    """With their page, and by id for whoever is held; a page of the version before has none."""
    requests = MoveRequestTable(tables.table("requests"))
    own = {"a@x.example": OwnNumbers("+15550101"), "ß@x.example": OwnNumbers(None, "+18000101")}
    page = RequestPage(1, ["A@x.example", "ß@x.example", "b@x.example"], own_numbers=own)
    await requests.save_page(RUN, page)
    await requests.save_request(RUN, MoveRequest(options=MoveOptions(own_numbers=own)))
    assert await pages(requests) == [page]
    assert await requests.request(RUN) == MoveRequest(has_own_numbers=True)
    by_id = {guid(1): OwnNumbers("+15550101", "+18000101"), guid(2): OwnNumbers("+15550102")}
    for _ in range(2):  # a page may be carried out again
        await requests.save_own_numbers(RUN, by_id)
    assert await requests.own_numbers(RUN, [guid(1), guid(2), guid(3)]) == by_id
    assert await requests.own_numbers(f"{RUN}0", [guid(1)]) == {}
    assert await pages(requests) == [page]


async def test_a_full_page_of_the_longest_names_with_numbers(tables: Tables) -> None:
    """100 names of 113 characters with two numbers of 15 digits each fit, whatever the characters are."""
    requests = MoveRequestTable(tables.table("requests"))
    host = "@x.example"
    names = [f"{n:02d}{'😀' * (NAME_LENGTH - 2 - len(host))}{host}" for n in range(NAMES_PER_PAGE)]
    own = dict.fromkeys(names, OwnNumbers("+123456789012345", "+123456789012345"))
    page = RequestPage(1, names, own_numbers=own)
    await requests.save_page(RUN, page)
    assert await pages(requests) == [page]
