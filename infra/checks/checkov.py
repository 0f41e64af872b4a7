"""checkov finds nothing in the predicted deployments but what is skipped here, each with its reason.

It reads them as ARM templates: of the Bicep source it cannot parse most files and leaves them out
without a word, and of the compiled template it does not enter the modules. checkov pins many packages,
so it has an environment of its own (`make checkov`).
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.checks.predicted import resources
from infra.checks.problem import Problem, in_source

COMMAND: Final = Path(__file__).parents[2] / ".venv-checkov" / "bin" / "checkov"

CONFIGURATION: Final = "infra/checkov.yaml"
_MISREAD: Final = "Microsoft.Web/sites/config"
"""App settings and authentication: checkov takes each for a site without any of a site's properties."""


def check(folder: Path) -> list[Problem]:
    """Run checkov over each predicted deployment. It downloads nothing."""
    if not COMMAND.is_file():
        return [Problem("infra", "checkov is not installed", "Run make checkov")]
    shown = [one for one in resources(folder) if one.type != _MISREAD]
    with tempfile.TemporaryDirectory() as name:
        for deployment in {one.deployment for one in shown}:
            bodies = [one.body for one in shown if one.deployment == deployment]
            (Path(name) / Path(deployment).name).write_text(template(bodies), encoding="utf-8")
        done = subprocess.run(
            [COMMAND, "--directory", name, "--config-file", str(folder / CONFIGURATION)],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"code {done.returncode}"]
        return [Problem("infra", f"checkov: {lines[-1]}", "Run it by hand")]
    return list(judged(report, folder, len(shown)))


def template(bodies: list[dict[str, Any]]) -> str:
    """Resources as the text of an ARM template."""
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    content = {"$schema": schema, "contentVersion": "1.0.0.0", "resources": bodies}
    return json.dumps(content, indent=1)


def judged(report: dict[str, Any], folder: Path, count: int) -> Iterator[Problem]:
    """What checkov's JSON report finds; count: the resources that it was given."""
    summary = report["summary"]
    if summary["parsing_errors"] or not summary["passed"] or summary["resource_count"] < count:
        wrong = f"checkov read {summary['resource_count']} of {count} resources"
        yield Problem("infra", wrong, "Find what it drops")
    for one in report["results"]["failed_checks"]:
        wrong = f"{one['check_id']} on {one['resource']}: {one['check_name']}"
        do = f"Fix it, or skip it in {CONFIGURATION} with the reason"
        yield in_source(folder, wrong, do, f"{one['resource'].rpartition('.')[0]}@")
