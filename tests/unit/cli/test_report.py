"""The page of a run: complete, without outside resources, and safe to open."""

import base64
import hashlib
from dataclasses import replace
from html.parser import HTMLParser

from cli.report import page, side_effects
from shared.domain.listing import TenantSwitches
from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import RosterEntry
from shared.domain.run import Run, RunState, Signal
from shared.services.admin.number_changes import NumberChange, NumberChanges
from shared.services.admin.result_details import ResultDetail
from shared.views.runs import DetailView
from tests.fakes import (
    NOON,
    PASSCODE,
    FakeReplaced,
    FakeTeams,
    guid,
    in_service,
    microsoft,
    third_party,
)

SWITCHES = TenantSwitches(replaces_provider=False, sends_mail=True, sends_meetings=False)
HOSTILE = '<script src="https://evil.example/x.js">"&\''


def made(*changes: NumberChange, reason: str = "", seen: RosterEntry | None = None) -> str:
    """The page of a run with these users."""
    run = Run("r1", Signal.REQUEST, RunState.FINISHED, NOON, NOON, reason, {"users": len(changes)})
    run = replace(run, requested_by="adele (1)", ticket="INC7", note="as agreed")
    rows = [DetailView.of(run, ResultDetail(each, seen)).model_dump() for each in changes]
    return page(run, rows, side_effects(SWITCHES), NOON)


def test_page_shows_numbers_before_and_after() -> None:
    """Names, numbers as they were and are, who asked and why, and the switches; no conference ID."""
    result = UserResult(
        guid(1), Outcome.MOVED, "the provider is InterCall", "u@x.example", "InterCall"
    )
    seen = RosterEntry(guid(1), None, "", NOON, name="Zoë", department="Sales", country="DE")
    shown = made(NumberChange(result, third_party(), microsoft()), seen=seen)
    for text in ("u@x.example", "moved", "+15550100", "+15550199", "mailed", "InterCall"):
        assert text in shown
    for text in ("Zoë", "Sales", "DE", '<a href="#s1">+15550100', '<tr id="s1">'):
        assert text in shown
    assert "requested by adele (1); ticket INC7; note: as agreed" in shown
    assert PASSCODE not in shown


def test_page_of_a_dry_run_says_that_nothing_was_changed() -> None:
    """It has no run, so nothing is said of one."""
    row = DetailView.of(
        None, ResultDetail(NumberChange(UserResult(guid(1), Outcome.WOULD_MOVE, "")))
    )
    shown = page(None, [row.model_dump()], side_effects(None), NOON)
    assert "nothing was changed: this would happen" in shown
    assert "Saved numbers" not in shown


def test_page_cannot_be_made_to_do_anything() -> None:
    """Texts from outside stay texts: no tag but our own, one script by its hash, nothing is loaded."""
    tags: list[tuple[str, list[tuple[str, str | None]]]] = []
    scripts: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, attrs))

        def handle_data(self, data: str) -> None:
            if tags and tags[-1][0] == "script":
                scripts.append(data)

    entry = third_party(HOSTILE)
    seen = RosterEntry(guid(1), None, "", NOON, name=HOSTILE, department=HOSTILE, country=HOSTILE)
    change = NumberChange(
        UserResult(HOSTILE, Outcome.FAILED, HOSTILE, HOSTILE, HOSTILE), entry, entry
    )
    shown = made(change, reason=HOSTILE, seen=seen)
    Reader().feed(shown)
    assert [tag for tag, _ in tags].count("script") == 1
    digest = base64.b64encode(hashlib.sha256("".join(scripts[:1]).encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert policy in [value for _, attrs in tags for _, value in attrs]
    names = {name for _, attrs in tags for name, _ in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("src", "style")]
    links = {value for _, attrs in tags for name, value in attrs if name == "href"}
    assert links == {"#s1"}


async def test_numbers_are_looked_up_for_moved_users_only() -> None:
    """Before from the saved record, after from Teams; for the others nothing is asked."""
    teams = FakeTeams()
    teams.add(in_service(1, microsoft()))
    saved = FakeReplaced()
    for number in (1, 2):
        await saved.save_entries(in_service(number, third_party()), NOON)
    results = [
        UserResult(guid(1), Outcome.MOVED, "", old_provider="InterCall"),
        UserResult(guid(2), Outcome.UNLICENSED, ""),
    ]
    changes = [change async for change in NumberChanges(teams, saved).of(results)]
    assert [(c.before, c.after) for c in changes] == [(third_party(), microsoft()), (None, None)]
    assert teams.reads == 1
