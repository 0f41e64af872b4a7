"""The page of a run: complete, without outside resources, and safe to open."""

from html.parser import HTMLParser

from cli.report import page
from shared.domain.listing import TenantSwitches
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Run, RunState, Signal
from shared.services.admin.number_changes import NumberChange, NumberChanges
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


def made(*changes: NumberChange, reason: str = "") -> str:
    """The page of a run with these users."""
    run = Run("r1", Signal.REQUEST, RunState.FINISHED, NOON, NOON, reason, {"users": len(changes)})
    return page(run, changes, SWITCHES, NOON)


def test_page_shows_numbers_before_and_after() -> None:
    """Old and new numbers, counts, outcome and the tenant's switches are there; no conference ID is."""
    result = UserResult(guid(1), Outcome.MOVED, "the provider is InterCall", "u@x.example")
    shown = made(NumberChange(result, third_party(), microsoft()))
    for text in ("u@x.example", "moved", "+15550100", "+15550199", "mailed", "InterCall"):
        assert text in shown
    assert PASSCODE not in shown


def test_page_cannot_be_made_to_do_anything() -> None:
    """Texts from outside stay texts: no tag but our own, and nothing is loaded from anywhere."""
    tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, attrs))

    entry = third_party(HOSTILE)
    change = NumberChange(UserResult(HOSTILE, Outcome.FAILED, HOSTILE, HOSTILE), entry, entry)
    Reader().feed(made(change, reason=HOSTILE))
    assert "script" not in {tag for tag, _ in tags}
    assert {name for _, attrs in tags for name, _ in attrs} <= {
        "lang",
        "charset",
        "name",
        "content",
        "class",
    }


async def test_numbers_are_looked_up_for_moved_users_only() -> None:
    """Before from the saved record, after from Teams; for the others nothing is asked."""
    teams = FakeTeams()
    teams.add(in_service(1, microsoft()))
    saved = FakeReplaced()
    for number in (1, 2):
        await saved.save_entries(in_service(number, third_party()), NOON)
    results = [
        UserResult(guid(1), Outcome.MOVED, ""),
        UserResult(guid(2), Outcome.UNLICENSED, ""),
    ]
    changes = [change async for change in NumberChanges(teams, saved).of(results)]
    assert [(c.before, c.after) for c in changes] == [(third_party(), microsoft()), (None, None)]
    assert teams.reads == 1
