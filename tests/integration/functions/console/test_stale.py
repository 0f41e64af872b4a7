"""A page that is out of date does nothing and shows what is true now; a double click is one action."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.run import RunState
from tests.integration.functions.console.desk import FAILED, HELD, OPEN, Desk
from tests.integration.functions.console.forms import FORMS

GRACE = RequestedBy("grace", note="mine")


async def _moved(desk: Desk) -> None:
    await desk.move_by_hand(desk.user("third_party", 5))


async def _released(desk: Desk) -> None:
    await desk.app.releases.release_run(HELD, GRACE)


async def _discarded(desk: Desk) -> None:
    await desk.app.releases.discard_run(HELD, GRACE)


async def _cancelled(desk: Desk) -> None:
    await desk.app.canceller.cancel_run(OPEN, GRACE)


async def _held_run_cancelled(desk: Desk) -> None:
    await desk.app.canceller.cancel_run(HELD, GRACE)


async def _ended(desk: Desk) -> None:
    run = await desk.app.run_history.run(OPEN)
    await desk.app.adapters.runs.save_run(replace(run, state=RunState.FINISHED))


async def _retried(desk: Desk) -> None:
    user = desk.user("no_provider")
    result = UserResult(user["id"], Outcome.MOVED, "", user["userPrincipalName"])
    await desk.app.adapters.runs.record_results(FAILED, [result], desk.app.adapters.clock.now())


async def _paused(desk: Desk) -> None:
    await desk.app.pauses.pause("numbers are checked", GRACE)


async def _resumed(desk: Desk) -> None:
    await desk.app.pauses.end(GRACE)


async def _paused_anew(desk: Desk) -> None:
    await desk.app.pauses.end(GRACE)
    await _paused(desk)


async def _cured(desk: Desk) -> None:
    user = desk.user("no_provider")
    result = UserResult(user["id"], Outcome.MOVED, "", user["userPrincipalName"])
    await desk.app.adapters.waiting.remove_waiting(result, desk.app.adapters.clock.now())


@dataclass(frozen=True)
class Stale:
    """A form, what somebody else does meanwhile, what is said, and what the page shows then."""

    form: str
    meanwhile: Callable[[Desk], Awaitable[None]]
    says: str
    shows: str


CASES = {
    "moved, confirm": Stale("users/move/begin", _moved, "have changed", "Already on Microsoft"),
    "moved, save": Stale("users/*/save", _moved, "changed this user", "On Microsoft"),
    "released, release": Stale("runs/*/release", _released, "grace; mine decided last", "Released"),
    "released, discard": Stale("runs/*/discard", _released, "grace; mine decided last", "Released"),
    "discarded, release": Stale("runs/*/release", _discarded, "it holds nobody", "Finished"),
    "discarded, discard": Stale("runs/*/discard", _discarded, "it holds nobody", "grace; mine"),
    "cancelled, release": Stale("runs/*/release", _held_run_cancelled, "is cancelled", "Cancelled"),
    "cancelled, discard": Stale("runs/*/discard", _held_run_cancelled, "is cancelled", "Cancelled"),
    "cancelled, cancel": Stale("runs/*/cancel", _cancelled, "is cancelled already", "grace"),
    "ended, cancel": Stale("runs/*/cancel", _ended, "nothing to cancel", "Finished"),
    "retried, retry": Stale("runs/*/retry", _retried, "no failed user any more", "Moved"),
    "paused, pause": Stale("pause", _paused, "paused by grace", "numbers are checked"),
    "resumed, resume": Stale("resume", _resumed, "not paused any more", "Stop all changes"),
    "paused anew, resume": Stale("resume", _paused_anew, "another pause", "numbers are checked"),
    "cured, acknowledge": Stale(
        "attention/acknowledge", _cured, "1 user of the 1 selected no longer needs", "Nobody needs"
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_stale_page(desk: Desk, name: str) -> None:
    """Nothing is done, the page says so, and it shows what is true now."""
    case = CASES[name]
    form = FORMS[case.form]
    if form.before:
        await form.before(desk)
    sent = await form.filled(desk)
    await case.meanwhile(desk)
    before = await desk.done()
    found = await desk.post(form.at(desk, form.action), sent)
    assert found.status == 409
    assert found.alerts[0].startswith("!Nothing was done: ")
    assert case.says in found.alerts[0]
    assert case.shows in found.text.partition('role="alert"')[2].partition("</p>")[2]
    assert await desk.done() == before


async def test_what_the_confirmed_page_shows_anew_can_be_confirmed(desk: Desk) -> None:
    """After a user was moved by somebody else the page shows it, and its form begins the run."""
    form = FORMS["users/move/begin"]
    sent = await form.filled(desk)
    await _moved(desk)
    again = await desk.post(form.action, sent)
    begun = await desk.post(form.action, again.hidden(form.action))
    assert (begun.status, begun.location.startswith("runs/")) == (303, True)


async def test_the_list_has_grown_since_it_was_confirmed(desk: Desk) -> None:
    """*Move all* moves as many as were shown, or nobody."""
    page = await desk.post("users/move", {"which": "all"})
    sent = page.hidden("users/move/begin")
    entry = await desk.app.adapters.roster.of(desk.user("third_party", 5)["id"])
    assert entry is not None
    await desk.app.adapters.roster.remove([entry.user_id], desk.app.adapters.clock.now())
    before = await desk.done()
    found = await desk.post("users/move/begin", sent)
    assert found.status == 409
    assert f"{sent['expected']} users were confirmed" in found.alerts[0]
    assert await desk.done() == before


ONCE = {
    **dict.fromkeys(("users/move/begin", "users/*/save", "runs/*/retry"), (1, 0)),
    **dict.fromkeys(
        ("runs/*/cancel", "runs/*/release", "runs/*/discard", "pause", "resume"), (0, 1)
    ),
    "users/*/saved": (0, 3),  # each showing is recorded
    # These only show something, or write the same into the same row.
    **dict.fromkeys(("users/move", "attention/retry", "attention/acknowledge"), (0, 0)),
}
"""Runs begun and actions recorded by each form that does something."""


def test_every_form_is_in_the_table() -> None:
    """A new one is tested like the others."""
    assert set(ONCE) == set(FORMS)


@pytest.mark.parametrize("name", ONCE)
async def test_a_double_click(desk: Desk, name: str) -> None:
    """The same form twice, at once and once more later: one action, and each time its result."""
    form = FORMS[name]
    if form.before:
        await form.before(desk)
    sent = await form.filled(desk)
    runs, actions = await desk.done()
    action = form.at(desk, form.action)
    first, second = await asyncio.gather(desk.post(action, sent), desk.post(action, sent))
    third = await desk.post(action, sent)
    assert {first.status, second.status, third.status} <= {200, 303}
    assert first.location == second.location == third.location
    begun, recorded = ONCE[name]
    assert await desk.done() == (runs + begun, actions + recorded)


async def test_a_form_whose_action_failed_may_be_sent_again(desk: Desk) -> None:
    """A key is used up by what was done, not by what was refused."""
    form = FORMS["runs/*/release"]
    sent = {**await form.filled(desk), "which": "selected", "user": "nobody@contoso.example"}
    refused = await desk.post(form.action, sent)
    assert (refused.status, "does not hold nobody@contoso.example" in refused.alerts[0]) == (
        400,
        True,
    )
    done = await desk.post(form.action, {**sent, "which": "all"})
    assert done.status == 303
    assert (await desk.app.run_history.run(HELD)).state is RunState.RELEASED


async def test_who_and_why_go_into_the_record(desk: Desk) -> None:
    """Of each form that changes something: the run, or the action, says who, ticket and reason."""
    why = {"note": "the numbers are ported", "ticket": "INC42"}
    for name in ("users/move/begin", "users/*/save", "runs/*/retry"):
        form = FORMS[name]
        sent = await form.filled(desk, **why)
        found = await desk.post(form.at(desk, form.action), sent)
        run = await desk.app.run_history.run(
            found.location.rpartition("run=")[2].removeprefix("runs/")
        )
        assert (run.requested_by, run.ticket, run.note) == ("ada", "INC42", why["note"]), name
    for name, what in (
        ("runs/*/cancel", "cancelled"),
        ("runs/*/release", "released"),
        ("pause", "paused"),
        ("resume", "resumed"),
    ):
        form = FORMS[name]
        sent = await form.filled(desk, **why)
        assert (await desk.post(form.at(desk, form.action), sent)).status == 303
        rows = desk.app.adapters.tables.table("state").query(
            "PartitionKey eq @actions", {"actions": "actions"}
        )
        said = [(row["who"], row["detail"]) async for row in rows if row["what"] == what]
        assert len(said) == 1, name
        assert said[0][0] == "ada"
        assert "INC42: the numbers are ported" in said[0][1]
