"""How far a run is and how it ended: one text and one exit status for every command."""

from datetime import timedelta

import pytest

from cli.endings import progress, status, tell_waits
from shared.services.admin.run_waits import Waits
from shared.views.runs import WaitsView
from tests.fakes import NOON


@pytest.mark.parametrize(
    ("outcomes", "by_name", "attention", "expected"),
    [
        ((), False, 0, 0),
        (("moved", "already_microsoft", "excluded", "waiting", "would_move"), True, 0, 0),
        (("failed",), False, 0, 1),
        (("moved", "failed"), True, 0, 1),
        (("not_found",), True, 0, 1),
        (("held",), False, 0, 1),
        (("cancelled",), False, 0, 1),
        (("moved", "unlicensed"), False, 0, 0),
        (("moved", "unlicensed"), True, 0, 1),
        (("waiting",), False, 1, 1),
    ],
)
def test_the_exit_status_comes_from_the_results(
    outcomes: tuple[str, ...], by_name: bool, attention: int, expected: int
) -> None:
    """D2, D10: somebody has to help, or not; without a license only who was named is an error."""
    assert status(outcomes, by_name=by_name, attention=attention) == expected


@pytest.mark.parametrize("state", ["failed", "held", "cancelled", "interrupted"])
def test_a_run_that_ended_badly_is_1(state: str) -> None:
    """Whatever its results say so far: a run that is cancelled may list its users a moment later."""
    assert status(["moved"], by_name=True, state=state) == 1
    assert status(["moved"], by_name=True, state="open") == 0


def test_progress_says_how_many_of_how_many() -> None:
    """Where it is known how many there will be; another program's words steer no terminal."""
    counts = {"users": 660, "moved": 312, "failed": 0}
    assert (
        progress("moving", 312, 660, counts) == "  moving: 312 of 660 users: users 660, moved 312"
    )
    assert progress("running\x1b[2J", 0, 0, {}).rstrip() == "  running\\x1b[2J:"


@pytest.mark.parametrize("kind", [Waits, WaitsView])
def test_who_waits_is_told_with_the_next_look(
    kind: type[Waits] | type[WaitsView], capsys: pytest.CaptureFixture[str]
) -> None:
    """As this process counts them or as the app tells them; nothing is said of nobody."""
    tell_waits("r1", kind(), NOON)
    assert capsys.readouterr().err == ""
    tell_waits("r1", kind(due=2, next_due=NOON + timedelta(minutes=5), attention=1), NOON)
    waits, how, attention = capsys.readouterr().err.splitlines()
    assert waits.startswith("2 users wait, and the app tries again by itself; the next one is due ")
    assert waits.endswith("(in 5 minutes)")
    assert how == "to wait for them: acp run r1 --until-settled"
    assert attention == "1 user needs attention: acp attention"
    tell_waits("r1", kind(due=1, next_due=NOON, attention=2), NOON, by_app=True)
    waits, attention = capsys.readouterr().err.splitlines()
    assert waits.startswith("1 user waits, and the app")
    assert attention == "2 users need attention"
