"""What `import function_app` loads: nothing of the console, so that events start as fast as without it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SETTINGS = {
    "ACP_TENANT_ID": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
CODE = "import function_app, sys; print(*sys.modules)"
LAZY = {"htpy", "xlsxwriter", "shared.workbook"}
"""What only pages and downloads need."""


def test_nothing_of_the_console_is_loaded_at_start() -> None:
    """Its one function imports the rest when somebody opens it."""
    loaded = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env={**os.environ, **SETTINGS},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "functions.pages" in loaded
    assert [name for name in loaded if name.startswith("functions.console")] == []
    assert LAZY.isdisjoint(loaded)
