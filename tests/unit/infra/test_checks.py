"""The checks that run tools, and what the infrastructure says beside Bicep."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.checks import checkov, events
from infra.checks.__main__ import main

ROOT = Path(__file__).parents[3]
SKIPPED = [
    {
        "check_id": one,
        "file_path": "/x",
        "resource": "r",
        "check_name": "n",
        "file_line_range": [1, 2],
    }
    for one in checkov.SKIPPED
]


def _report(**changes: Any) -> dict[str, Any]:
    summary = {"parsing_errors": 0, "passed": 1, "resource_count": 10_000}
    return {"summary": summary | changes, "results": {"failed_checks": list(SKIPPED)}}


def test_what_is_skipped_is_no_problem() -> None:
    """A report with nothing but the skipped findings passes."""
    assert list(checkov.judged(_report(), ROOT)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parsing_errors": 1}, "could not read every file"),
        ({"passed": 0}, "nothing passed"),
        ({"resource_count": 1}, "left out"),
    ],
    ids=["unparsed", "nothing read", "dropped"],
)
def test_a_file_that_checkov_drops_is_found(changes: dict[str, int], words: str) -> None:
    """checkov leaves out what it cannot parse without a word; the counts tell."""
    assert words in "".join(str(one) for one in checkov.judged(_report(**changes), ROOT))


def test_a_new_finding_is_a_problem() -> None:
    """What is not skipped is reported with its file and line."""
    report = _report()
    report["results"]["failed_checks"].append(
        {**SKIPPED[0], "check_id": "CKV_AZURE_44", "file_path": "/app/storage.bicep"}
    )
    [problem] = checkov.judged(report, ROOT)
    assert (problem.file, problem.line) == ("infra/app/storage.bicep", 1)


def test_a_skip_that_skips_nothing_is_a_problem() -> None:
    """The list of skips does not outlive its reasons."""
    report = _report()
    gone = report["results"]["failed_checks"].pop()
    assert gone["check_id"] in "".join(str(one) for one in checkov.judged(report, ROOT))


def test_every_skip_has_a_reason() -> None:
    """Each skipped check says why in words."""
    assert all(len(reason.split()) > 3 for reason in checkov.SKIPPED.values())


def test_the_event_grid_function_is_found() -> None:
    """The one function with an Event Grid trigger is known by reading the code."""
    assert events.event_grid_functions() == {"license_events"}


def test_the_app_registration_has_the_two_roles() -> None:
    """Conferencing.Read and Conferencing.Write, for people and programs, with ids of their own."""
    manifest = json.loads((ROOT / "infra/app-registration.json").read_text(encoding="utf-8"))
    roles = {role["value"]: role for role in manifest["appRoles"]}
    assert set(roles) == {"Conferencing.Read", "Conferencing.Write"}
    assert len({role["id"] for role in roles.values()}) == len(roles)
    assert all(
        role["isEnabled"] and role["allowedMemberTypes"] == ["User", "Application"]
        for role in roles.values()
    )


def test_a_folder_without_infra_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checks say how they are called."""
    assert main([str(tmp_path)]) == 2
    assert "usage" in capsys.readouterr().err
