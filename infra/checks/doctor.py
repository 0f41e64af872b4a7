"""azure-functions-doctor finds no error in the app as it is deployed to Flex Consumption.

It walks the whole folder that it is given, so it gets a copy of what is deployed, with `infra/`.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from infra.checks.problem import Problem
from infra.package import CODE, copy

_COMMAND: Final = Path(sys.executable).parent / "azure-functions-doctor"


def check(folder: Path) -> list[Problem]:
    """Run the doctor's rules over the code of this project and the given folder's `infra/`."""
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name) / "app"
        copy(CODE, staged)
        for one in (".funcignore", "azure.yaml"):
            shutil.copy(CODE / one, staged / one)
        shutil.copytree(folder / "infra", staged / "infra", ignore=shutil.ignore_patterns("*.py"))
        done = subprocess.run(
            [
                *(_COMMAND, "doctor", "--path", staged, "--format", "json", "--profile", "deploy"),
                *("--hosting-plan", "flex-consumption", "--target-python", "3.13"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"code {done.returncode}"]
        return [
            Problem("function_app.py", f"azure-functions-doctor: {lines[-1]}", "Run it by hand")
        ]
    items = [item for section in report["results"] for item in section["items"]]
    if not any(item["status"] == "pass" for item in items):
        return [
            Problem("function_app.py", "azure-functions-doctor looked at nothing", "Run it by hand")
        ]
    return [
        Problem("function_app.py", f"{item['label']}: {item['value']}", str(item.get("hint", "")))
        for item in items
        if item["status"] == "fail"
    ]
