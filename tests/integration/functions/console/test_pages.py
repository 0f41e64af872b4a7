"""What pages show of what the tables hold."""

import html
import io
import itertools
import re
import uuid
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest

from shared.concurrency import gather_bounded
from shared.domain.held import HeldUser
from shared.domain.history import DialIn, HistoryEvent, HistoryRecord
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Waiting, WaitReason
from shared.domain.roster import RosterEntry, Standing
from shared.domain.run import Run, RunState, Signal, new_run_id
from tests.integration.functions.console.desk import FAILED, HELD, OPEN, Desk

PAGES = (
    "",
    "users",
    "users?list=all",
    "runs",
    f"runs/{HELD}",
    f"runs/{OPEN}",
    f"runs/{FAILED}",
    "attention",
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_answers(shared_desk: Desk, path: str) -> None:
    """Each page without an error."""
    found = await shared_desk.get(path)
    assert (found.status, found.alerts) == (200, [])


async def test_what_a_user_s_page_offers(shared_desk: Desk) -> None:
    """Numbers with their city and language, every side effect, and where a reason goes."""
    found = await shared_desk.get(f"users/{shared_desk.user('third_party')['id']}")
    assert (found.status, found.alerts) == (200, [])
    assert re.search(r">\+\d+ \(Paris, fr-FR\)<", found.text)
    assert "What saving does: The conference ID and the numbers are replaced" in found.text
    assert found.value("save-note") == ""


async def test_a_user_s_history_is_on_the_page(desk: Desk) -> None:
    """The newest first, a page at a time: what happened, before and after, by whom, why, in which run."""
    user, now = desk.user("third_party")["id"], desk.app.adapters.clock.now()
    moved = HistoryRecord(
        user,
        HistoryEvent.MOVED,
        now,
        signal="request",
        run=FAILED,
        by="grace",
        ticket="INC7",
        note="new office",
        before=DialIn("BT", "441632960000", conference_id="•••••45"),
        after=DialIn("Microsoft", "+442033215200"),
    )
    held = [
        HistoryRecord(user, HistoryEvent.HELD, now - timedelta(hours=hour), run=HELD)
        for hour in range(1, 25)
    ]
    history = desk.app.adapters.history
    await gather_bounded(map(history.add, [moved, *held]), 16)
    page = (await desk.get(f"users/{user}")).text.partition('aria-label="History"')[2]
    line = html.unescape(
        re.sub(r"<[^>]+>", "|", page.partition("<tbody>")[2].partition("</tr>")[0])
    )
    for text in (
        "Moved",
        "BT, 441632960000, conference ID •••••45",
        "Microsoft",
        "grace",
        "INC7: new office",
    ):
        assert text in line
    assert page.count(">Held<") == 19
    older = re.search(r'href="/api/console/([^"#]+)#history">Older', page)
    assert older
    rest = (await desk.get(html.unescape(older[1]))).text.partition('aria-label="History"')[2]
    assert rest.count(">Held<") == 5
    assert "Older" not in rest


async def test_failures_come_first_however_long_a_run_is(desk: Desk) -> None:
    """The only failure of 300 users, who would stand behind the first page, is its first line."""
    to, now = desk.app.adapters, desk.app.adapters.clock.now()
    users = [UserResult(str(uuid.UUID(int=n)), Outcome.MOVED, "", f"u{n}") for n in range(300)]
    last = UserResult(str(uuid.UUID(int=2**128 - 1)), Outcome.FAILED, "HTTP 403", "zoe@x.example")
    for some in itertools.batched([*users, last], 100, strict=False):
        await to.runs.record_results(OPEN, some, now)
    found = await desk.get(f"runs/{OPEN}")
    first = found.text.partition('aria-label="Results"')[2].partition("<tbody>")[2]
    assert "zoe@x.example" in first.partition("</tr>")[0]
    assert "The app lacks a right" in first.partition("</tr>")[0]
    assert "200 results, failures first" in found.text


async def test_runs_are_shown_a_page_at_a_time(desk: Desk) -> None:
    """Newest first, over the end of a month, each once; who asked and why stands there."""
    to, now = desk.app.adapters, desk.app.adapters.clock.now()
    begun = [now - timedelta(days=day, hours=part) for day in range(1, 51) for part in range(5)]
    runs = [
        Run(
            new_run_id(Signal.REQUEST, at),
            Signal.REQUEST,
            RunState.FINISHED,
            at,
            requested_by="grace",
            ticket="INC7",
        )
        for at in begun
    ]
    await gather_bounded(map(to.runs.save_run, runs), 16)
    shown: list[str] = []
    path: str | None = "runs"
    while path:
        found = await desk.get(path)
        shown += re.findall(r'<td><a href="/api/console/runs/([^"]+)">', found.text)
        older = re.search(r'href="/api/console/([^"]+)">Older runs', found.text)
        path = html.unescape(older[1]) if older else None
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == len(set(shown)) == 3 + 250
    assert "INC7" in found.text
    assert "grace" in found.text


async def test_all_users_are_shown_list_by_list(desk: Desk) -> None:
    """Each once, page by page, with the list on which each stands; narrowed by department, too."""
    to, now = desk.app.adapters, desk.app.adapters.clock.now()
    lists = itertools.cycle(Standing)
    entries = [
        RosterEntry(
            str(uuid.UUID(int=n << 100 | n)),
            next(lists),
            "",
            now,
            upn=f"user{n:03}@x.example",
            department="Sales" if n % 40 == 0 else "Law",
        )
        for n in range(1, 161)
    ]
    await to.roster.note(entries, now)
    shown: list[str] = []
    path: str | None = "users?list=all"
    while path:
        found = await desk.get(path)
        shown += re.findall(r"<td>(user\d+)@x", found.text)
        following = re.search(r'href="/api/console/([^"]+)">Next page', found.text)
        path = html.unescape(following[1]) if following else None
    assert sorted(shown) == [f"user{n:03}" for n in range(1, 161)]
    narrow = await desk.get("users?list=all&department=Sales")
    assert len(re.findall(r"<td>user\d+@x", narrow.text)) == 4


async def test_workbooks_have_what_is_shown(shared_desk: Desk) -> None:
    """As another library reads them, with no cell that is a formula."""
    users = await shared_desk.get("users.xlsx?list=ready")
    sheet = openpyxl.load_workbook(io.BytesIO(users.body)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:3] == ("User", "Address", "Provider")
    ready = [*shared_desk.people["third_party"], *shared_desk.people["no_provider"]]
    assert {row[1] for row in rows[1:]} == {user["userPrincipalName"] for user in ready}
    results = await shared_desk.get(f"runs/{FAILED}/results.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(results.body)).active
    assert sheet is not None
    outcomes = [row[1] for row in sheet.iter_rows(values_only=True)]
    assert outcomes[0] == "What happened"
    assert set(outcomes[1:]) == {"failed"}


async def test_the_overview_says_what_is_next(shared_desk: Desk) -> None:
    """Held users, last and next sweep; the pause form has its reason."""
    found = await shared_desk.get("")
    assert ">Held<" in found.text
    assert f"runs/{HELD}" in found.text
    assert re.search(r"Last sweep</dt><dd><time[^>]*>1 hour ago", found.text)
    assert re.search(r"Next sweep</dt><dd><time[^>]*>in \d+ hours", found.text)


@pytest.mark.parametrize("path", ["", "nothing", "users/nobody", "static/console.css", "runs"])
async def test_the_policy_is_on_every_answer(shared_desk: Desk, path: str) -> None:
    """Nothing inline, nothing from elsewhere, no frame; a page is never stored."""
    headers = (await shared_desk.get(path)).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    if not path.startswith("static"):
        assert headers["Cache-Control"] == "no-store"


async def test_names_that_are_markup_are_text(desk: Desk) -> None:
    """Wherever the tenant's word is shown: lists, user, runs, held, attention."""
    name, address = "<img src=x onerror=alert(1)>", "</td><script>alert(1)</script>@x.example"
    to, now, user = desk.app.adapters, desk.app.adapters.clock.now(), desk.user("third_party")["id"]
    entry = RosterEntry(
        user,
        Standing.READY,
        name,
        now + timedelta(hours=1),
        upn=address,
        provider=name,
        name=name,
        department=name,
    )
    await to.roster.note([entry], now)
    result = UserResult(user, Outcome.FAILED, name, address, name)
    await to.runs.record_results(FAILED, [result], now)
    known = await to.held.find_held(user)
    assert known is not None
    await to.held.remove_held(known)
    await to.held.add_held(HeldUser(user, address, name, Signal.SWEEP, HELD, now, name))
    due = now + timedelta(hours=1)
    await to.waiting.save_waiting(
        Waiting(user, WaitReason.FAILURE, name, now, due, now, True, upn=address)
    )
    run = await desk.app.run_history.run(HELD)
    await to.runs.save_run(replace(run, reason=name, requested_by=name, ticket=name, note=name))
    for path in (
        "",
        "users",
        "runs",
        f"runs/{HELD}",
        f"runs/{FAILED}",
        "attention",
        "users?list=all",
    ):
        text = (await desk.get(path)).text
        assert "&lt;img src=x" in text, path
        assert "<img" not in text, path
        assert "<script>" not in text, path


async def test_what_the_console_does_itself_is_no_command(desk: Desk) -> None:
    """Health leads to the page where held users are decided about, not to `acp release`."""
    found = await desk.get("health")
    assert found.status == 200
    assert 'href="/api/console/users?list=held">release or discard them' in found.text
    assert "`acp release" not in found.text


async def test_held_users_are_found_wherever_they_are(desk: Desk) -> None:
    """Many in one partition: as many as fit are shown, by name, and that there are more."""
    to, now = desk.app.adapters, desk.app.adapters.clock.now()
    held = [
        HeldUser(f"a{n:07}-0000-4000-8000-000000000000", f"u{n:03}", "BT", Signal.SWEEP, HELD, now)
        for n in range(230)
    ]
    assert [each async for each in to.held.held_of(HELD)] != []
    await gather_bounded(map(to.held.add_held, held[:60]), 16)
    found = await desk.get(f"runs/{HELD}")
    assert "Held users (64)" in found.text
    await gather_bounded(map(to.held.add_held, held[60:]), 16)
    found = await desk.get(f"runs/{HELD}")
    assert "Held users (more than 200)" in found.text
    assert found.text.count("<td><input") == 200
