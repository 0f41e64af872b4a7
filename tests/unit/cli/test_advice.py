"""What stands at the top of results, and what is said about each."""

import pytest

from cli.advice import advised, summary, worst_first
from cli.results import people_row

ADVICE = "`acp held` lists them, `acp release RUN` releases them"


def test_those_who_need_somebody_come_first() -> None:
    """Failures, then names that are unknown; users with nothing to do come last."""
    outcomes = ["already_microsoft", "moved", "not_found", "new_word", "waiting", "failed"]
    rows = worst_first({"outcome": outcome} for outcome in outcomes)
    assert [row["outcome"] for row in rows] == [
        "failed",
        "not_found",
        "waiting",
        "moved",
        "already_microsoft",
        "new_word",
    ]
    assert summary(outcomes).startswith("failed 1, not_found 1, waiting 1, moved 1")


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("Teams: PUT /x: HTTP 403 Forbidden; a role is missing", "`acp doctor` says which one"),
        ("Teams: GET /x: HTTP 503", "busy: try again later"),
        ("Graph: POST /$batch: the service asks us to wait 90 s", "busy: try again later"),
        ("Graph: GET /x: HTTP 502 BadGateway", "a fault: try again later"),
        ("Teams: GET /x: HTTP 409 Conflict", "`acp show USER`"),
        ("Graph: GET /x: ConnectError", "check the network"),
        ("Graph: users: a, b have this address: give the user name or id", "name the user by id"),
        ("storage: insert in table users failed: x", "nothing was changed for the user"),
        ("unexpected KeyError", "a defect of the app"),
    ],
)
def test_a_failure_says_what_to_do(reason: str, advice: str) -> None:
    """The advice comes first, and the service's own words stay for those who look them up."""
    said = str(advised({"outcome": "failed", "reason": reason})["reason"])
    assert advice in said.partition("(")[0]
    assert said.endswith(f"({reason})")


def test_a_reason_that_nobody_knows_stays() -> None:
    """No advice is better than a wrong one; outcomes that need nobody get none."""
    row = {"outcome": "failed", "reason": "something new"}
    assert advised(row) == row
    moved = {"outcome": "moved", "reason": "the provider is BT"}
    assert advised(moved) == moved


def test_a_held_user_is_said_in_a_line() -> None:
    """Why the guard holds is the same for all of a run, which has said it; another run's list is named."""
    reason = "the provider is BT; held: it would replace 12; on the list of run-1"
    held = {"outcome": "held", "reason": reason, "run": "run-1"}
    assert people_row(held)["details"] == "the provider is BT"
    of_another = people_row({**held, "run": "run-2"})["details"]
    assert of_another == "the provider is BT; on the list of run-1"
    assert people_row({**held, "reason": "odd"})["details"] == f"odd: {ADVICE}"


def test_nobody_is_told_twice() -> None:
    """Who is not found is told so once, with what to do."""
    row = {"outcome": "not_found", "reason": "the user is not in the directory"}
    assert people_row(row)["details"] == "the user is not in the directory: check the spelling"
