"""What the demo shows: the tables add up, faults are named, no passcode is ever printed."""

import io

import pytest
from rich.console import Console

from cli.demo import report as demo_report
from cli.demo.snapshot import Snapshot
from cli.demo.summary import Evidence, summarize
from cli.demo.view import View
from shared.domain.user import MICROSOFT
from tests.unit.cli.demo.people import PASSCODE, change, evidence, moved, person

ALICE, BOB = person(1, "PGi"), person(2)


def good() -> Evidence:
    """Alice was moved by the app; Bob was licensed meanwhile."""
    return evidence(
        [moved(ALICE), moved(BOB)],
        [ALICE, person(2, licensed=False)],
        changes=[change(ALICE, "replaced", "PGi")],
        moved={ALICE.id},
        saved={ALICE.id: [ALICE.original_entries]},
    )


def shown(seen: Evidence, *, terminal: bool = False) -> tuple[str, bool]:
    """Everything that is shown of `seen`, and the verdict."""
    out = io.StringIO()
    view = View(Console(file=out, width=80, force_terminal=terminal))
    view.title(len(seen.after), 1)
    summary = summarize(seen)
    demo_report.show_before(view, seen.before)
    demo_report.show_after(view, seen, summary)
    demo_report.show_figures(view, seen, summary)
    demo_report.show_saved(view, seen, stays=False)
    well = demo_report.show_verdict(view, seen)
    return out.getvalue(), well


def test_what_was_before_and_what_was_licensed_adds_up_to_what_is_after() -> None:
    """The table of licensed, included users: provider, before, newly licensed, after."""
    text, well = shown(good())
    rows = [line.split() for line in text.partition("newly licensed")[2].splitlines()]
    assert ["PGi", "1", "-", "-"] in rows
    assert ["none", "-", "1", "-"] in rows
    assert ["Microsoft", "-", "-", "2"] in rows
    assert ["all", "1", "1", "2"] in rows
    assert well


def test_a_world_without_third_parties_shows_none() -> None:
    """No empty rows, no speed of nothing, no saved records: what was not to be done is one line each."""
    seen = evidence([moved(BOB)], [person(2, licensed=False)], changes=[])
    text, well = shown(seen)
    assert well
    assert not [word for word in ("PGi", "InterCall", "0.0 per second", "Saved") if word in text]
    assert "the app moved nobody in" in text
    assert "no third-party provider was replaced" in text


def test_plain_output_fits_and_has_no_control_characters() -> None:
    """For a file or a pipe: at most 80 columns, no colors, no trailing blanks."""
    text, _ = shown(good())
    assert "\x1b" not in text
    assert all(len(line) <= 80 and line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("terminal", [True, False])
def test_no_passcode_is_shown(*, terminal: bool) -> None:
    """The example record has its numbers, and a mask for the passcode."""
    text, _ = shown(good(), terminal=terminal)
    assert "+12035550100" in text
    assert "*****" in text
    assert PASSCODE not in text


def test_a_fault_is_named_and_spoils_the_verdict() -> None:
    """Who is left, who was not saved, who was wrongly changed, what did not end."""
    outsider = person(4, MICROSOFT, licensed=False)
    seen = evidence(
        [moved(ALICE), person(3, "BT"), outsider],
        changes=[change(ALICE, "replaced", "PGi"), change(outsider, "enabled", None)],
        unfinished=["the sweep is held: too many"],
    )
    text, well = shown(seen)
    assert not well
    assert text.count("false:") == 4
    for words in ("person3@contoso.example: on BT", ALICE.upn, outsider.upn, "the sweep is held"):
        assert words in text


def test_many_faults_are_cut_short() -> None:
    """Ten are named, the others counted."""
    text, _ = shown(evidence([person(number) for number in range(25)]))
    assert text.count("@contoso.example") == 10
    assert "... and 15 more" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_snapshots_are_shown_on_a_terminal_and_elsewhere(*, terminal: bool) -> None:
    """As a live table, or as a line in which every user is counted once."""
    totals = {
        "users": 10,
        "licensed": 7,
        "licensedIncluded": 6,
        "licensedIncludedMicrosoft": 3,
        "licensedIncludedNotMicrosoft": 3,
        "readyToMove": 1,
        "providers": {"BT": 7, MICROSOFT: 3},
    }
    snapshot = Snapshot(
        totals=totals,
        assigned=2,
        wave=4,
        notifications=2,
        graph_calls=5,
        teams_calls=6,
        looks=1,
        waiting=1,
        quiet=False,
    )
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=terminal, _environ={})
    with View(console).watching("Assigning 4 licenses") as show:
        show(snapshot)
        show(snapshot)
    text = out.getvalue()
    if terminal:
        assert "waiting for Teams" in text
        assert "2/4" in text
    else:
        line = "Microsoft 3, to be moved 1, waiting 2, unlicensed 3, excluded 1"
        assert text.count(line) == 1
