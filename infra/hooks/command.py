"""Running `acp grant` from an azd hook, with what azd knows of the deployment.

azd gives a hook its environment's values as variables ("Customize your Azure Developer CLI workflows
using command and event hooks"): the outputs of infra/main.bicep and whatever `azd env set` set. A
hook has no environment with the project's dependencies, so it starts the project's own one.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def interpreter(root: Path) -> Path | None:
    """Return the Python of the project's own environment, or None when it is not installed."""
    places = (root / ".venv/bin/python", root / ".venv/Scripts/python.exe")
    return next((place for place in places if place.exists()), None)


def grant(words: Sequence[str], environment: Mapping[str, str], root: Path = ROOT) -> int:
    """Run `acp grant` with these words; return its status.

    environment: what azd gave, with IDENTITY_PRINCIPAL_ID and AZURE_TENANT_ID. Where the project's
    environment is not installed, as on a build machine, a line says what to do, and the status is 0.
    """
    missing = [
        name for name in ("IDENTITY_PRINCIPAL_ID", "AZURE_TENANT_ID") if not environment.get(name)
    ]
    if missing:
        print(f"{missing[0]} is not set: this is run by azd, after `azd provision`")
        return 2
    python = interpreter(root)
    if python is None:
        print("The identity's rights were not looked at: `make install`, then `acp grant`")
        return 0
    command = [str(python), "-m", "cli", "grant", *words]
    # -m looks for modules in the working directory, which azd makes the folder of the hook.
    return subprocess.run(command, cwd=root, env=dict(environment), check=False).returncode
