"""The checks that run tools, how they are called, and what the infrastructure says besides Bicep."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.checks import checkov
from infra.checks.__main__ import CHECKS, main
from infra.checks.functions import bindings
from infra.checks.settings import AT_RUN_TIME
from tests.seeding import ROOT

FINDING = {
    "check_id": "CKV_AZURE_44",
    "resource": "Microsoft.Storage/storageAccounts.stcontoso",
    "check_name": "TLS",
}


def _report(*findings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    summary = {"parsing_errors": 0, "passed": 1, "resource_count": 10}
    return {"summary": summary | changes, "results": {"failed_checks": list(findings)}}


@pytest.mark.parametrize(
    "changes",
    [{"parsing_errors": 1}, {"passed": 0}, {"resource_count": 9}],
    ids=["unparsed", "nothing read", "dropped"],
)
def test_a_resource_that_checkov_drops_is_found(changes: dict[str, int]) -> None:
    """checkov leaves out what it cannot parse without a word; the counts show it."""
    (problem,) = checkov.judged(_report(**changes), ROOT, 10)
    assert "of 10 resources" in problem.wrong


def test_a_new_finding_is_a_problem() -> None:
    """What is not skipped is named at the line of the Bicep source where the resource stands."""
    (problem,) = checkov.judged(_report(FINDING), ROOT, 10)
    assert problem.file == "infra/app/storage.bicep"
    assert problem.line is not None


def test_every_skip_has_a_reason() -> None:
    """Each skipped check says why in words."""
    lines = (ROOT / checkov.CONFIGURATION).read_text(encoding="utf-8").splitlines()
    skipped = [line for line in lines if "- CKV_" in line]
    assert skipped
    assert all(len(line.partition("#")[2].split()) > 1 for line in skipped)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("actions/checkout@", "actions/checkout@v6 #", "unpinned-uses"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("  workflow_dispatch:", "  pull_request_target:", "dangerous-triggers"),
    ],
)
def test_a_mistake_in_a_workflow_is_found(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    """zizmor, as `make check` runs it, refuses an action by its tag, all permissions, foreign code."""
    path = tmp_path / ".github" / "workflows" / "deploy.yml"
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    zizmor = Path(sys.executable).parent / "zizmor"
    done = subprocess.run(
        [zizmor, "--offline", "--quiet", "--persona", "pedantic", tmp_path / ".github"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert said in done.stdout


def test_the_event_grid_function_is_found() -> None:
    """The one function with an Event Grid trigger is known by indexing the code."""
    tenant = {"ACP_TENANT_ID": "00000000-0000-0000-0000-000000000000"}
    (found,) = bindings([AT_RUN_TIME | tenant])
    assert {name for name, one in found if one["type"] == "eventGridTrigger"} == {"license_events"}


def test_settings_that_the_app_refuses_stop_its_indexing() -> None:
    """The error is the last line of the app's own text; the settings' check names the setting."""
    with pytest.raises(RuntimeError, match="Set them in the function app"):
        bindings([AT_RUN_TIME])


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


@pytest.mark.large
def test_without_a_compiler_one_line_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is left out, and the checks pass."""
    monkeypatch.delenv("BICEP", raising=False)
    monkeypatch.setenv("PATH", "")
    assert main([]) == 0
    skipped, *rest = capsys.readouterr().out.splitlines()
    assert skipped.startswith("skipped infra: Bicep was not compiled: install it (az bicep install")
    assert rest == [f"ok      infra: {name}" for name in list(CHECKS)[1:]]
