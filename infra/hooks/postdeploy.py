"""After `azd deploy`: have the app look after its subscription, and tell what its doctor finds.

The function key comes from ACP_APP_KEY, else from the Azure CLI ("az functionapp keys list"). It goes
to the child process by its environment and is written nowhere.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from infra.hooks.command import grant

_TIMEOUT = 120.0


def key_of(environment: Mapping[str, str]) -> str | None:
    """Return the app's default function key, or None when it cannot be read."""
    if key := environment.get("ACP_APP_KEY"):
        return key
    az = shutil.which("az", path=environment.get("PATH"))
    if az is None:
        return None
    words = ["--resource-group", environment.get("RESOURCE_GROUP", "")]
    words += ["--name", environment.get("SERVICE_API_NAME", "")]
    words += ["--query", "functionKeys.default", "--output", "tsv"]
    try:
        done = subprocess.run(
            [az, "functionapp", "keys", "list", *words],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def main(environment: Mapping[str, str]) -> int:
    """Run `acp grant --app`; return its status, 0 when there is no key to ask the app with."""
    url = environment.get("SERVICE_API_URI")
    if not url:
        print("SERVICE_API_URI is not set: this is run by azd, after `azd deploy`")
        return 2
    key = key_of(environment)
    if key is None:
        print("The app was not asked how it is: no function key (ACP_APP_KEY, or `az login`)")
        return 0
    return grant(["--app", url], {**environment, "ACP_APP_KEY": key})


if __name__ == "__main__":
    sys.exit(main(os.environ))
