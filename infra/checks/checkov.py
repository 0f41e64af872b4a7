"""checkov finds nothing in the Bicep files but what is skipped here, each with its reason.

checkov pins many packages, so it has an environment of its own (`make checkov`). A file that it
cannot parse it leaves out without a word: the counts are compared, too.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.checks import bicep
from infra.checks.problem import Problem

COMMAND: Final = Path(__file__).parents[2] / ".venv-checkov" / "bin" / "checkov"

_NO_SETTING: Final = (
    "falls on the child resources of a site (app settings, authentication) as if they were a site"
)
SKIPPED: Final = {
    "CKV_AZURE_13": f"{_NO_SETTING}; authentication is app/auth.bicep, and the webhook of Graph is anonymous",
    "CKV_AZURE_17": "client certificates: Graph and Event Grid present none",
    "CKV_AZURE_35": "storage is closed with VNET_ENABLED; without a network it must be reachable",
    "CKV_AZURE_63": f"{_NO_SETTING}; requests are logged in Application Insights",
    "CKV_AZURE_65": f"{_NO_SETTING}; detailed error pages belong to Windows plans",
    "CKV_AZURE_66": f"{_NO_SETTING}; failed request tracing belongs to Windows plans",
    "CKV_AZURE_78": "Flex Consumption has no FTP and takes no ftpsState",
    "CKV_AZURE_80": f"{_NO_SETTING}; the app is Python, not .NET",
    "CKV_AZURE_88": f"{_NO_SETTING}; Flex Consumption uses no Azure Files",
    "CKV_AZURE_206": "locally redundant storage: what must not be lost can be exported with `acp saved`",
    "CKV_AZURE_212": "Flex Consumption scales to zero; httpAlwaysReady keeps instances",
    "CKV_AZURE_213": "Flex Consumption has no health check; /api/health is for monitoring",
    "CKV_AZURE_222": "Graph delivers its notifications over the public internet",
    "CKV_AZURE_225": "zone redundancy costs two always-ready instances; a lost zone delays, nothing is lost",
}
"""Checks that do not apply, each with the reason. One that finds nothing any more is reported."""


def check(folder: Path) -> list[Problem]:
    """Run checkov over `infra/`. It downloads nothing."""
    if not COMMAND.is_file():
        return [Problem("infra", "checkov is not installed", "Run make checkov")]
    done = subprocess.run(
        [
            *(COMMAND, "--directory", folder / "infra", "--framework", "bicep"),
            *("--skip-download", "--compact", "--quiet", "--output", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"code {done.returncode}"]
        return [Problem("infra", f"checkov: {lines[-1]}", "Run it by hand")]
    return list(judged(report, folder))


def judged(report: dict[str, Any], folder: Path) -> Iterator[Problem]:
    """What checkov's JSON report says beyond what is skipped."""
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        broken = ", ".join(report.get("results", {}).get("parsing_errors", [])) or "nothing passed"
        yield Problem("infra", f"checkov could not read every file: {broken}", "Mend the syntax")
    missed = _resources(folder) - report["summary"]["resource_count"]
    if missed > 0:
        yield Problem(
            "infra", f"checkov left out {missed} resources", "Find the file that it drops"
        )
    found = report["results"]["failed_checks"]
    for one in found:
        if one["check_id"] not in SKIPPED:
            yield Problem(
                f"infra{one['file_path']}",
                f"{one['check_id']} on {one['resource']}: {one['check_name']}",
                "Mend it, or add it to SKIPPED in infra/checks/checkov.py with the reason",
                one["file_line_range"][0],
            )
    for stale in sorted(SKIPPED.keys() - {one["check_id"] for one in found}):
        yield Problem("infra/checks/checkov.py", f"{stale} is skipped in vain", "Remove it")


def _resources(folder: Path) -> int:
    return sum(len(file.of_kind("resource")) for file in bicep.files(folder))
