"""Install Chromium and axe-core from `package-lock.json`, with the Node that the environment carries.

npm's `@sparticuz/chromium` has a Chromium for x86-64 Linux and the libraries that it needs, packed.
It is unpacked here, once, and moved into place when it is whole: the package's own way is a folder
that all processes share, in which those that start together meet a half-written file.
Elsewhere `ACP_CHROMIUM` names an installed Chromium.
"""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.azurite.install import npm_ci
from local.azurite.node import NODE
from local.errors import ChildError

CHOSEN: Final = "ACP_CHROMIUM"
"""Names an installed Chromium, which is used instead."""

_HERE: Final = Path(__file__).parent
_PACKED: Final = _HERE / "node_modules" / "@sparticuz" / "chromium" / "bin"
_UNPACKED: Final = _HERE / "node_modules" / ".chromium"
_FOLDERS: Final = ("fonts", "al2023")

_FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}/fonts</dir><cachedir>{0}/fonts-cache</cachedir></fontconfig>
"""

AXE: Final = _HERE / "node_modules" / "axe-core" / "axe.min.js"
"""The script that finds what people with disabilities cannot use."""


def executable(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the Chromium to start; ChildError: there is none, with what to do."""
    if chosen := environment.get(CHOSEN):
        if not Path(chosen).is_file():
            raise ChildError(f"{CHOSEN}={chosen} is no file: name a Chromium, or remove it")
        return Path(chosen)
    found = _UNPACKED / "chromium"
    if not found.is_file():
        raise ChildError(f"Chromium is not installed: run make browser, or name one in {CHOSEN}")
    return found


def environment_of(browser: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment that a browser of `executable` is started in."""
    if browser.parent != _UNPACKED:
        return dict(environment)
    libraries = [str(_UNPACKED / "al2023" / "lib"), environment.get("LD_LIBRARY_PATH", "")]
    return {
        **environment,
        "FONTCONFIG_PATH": str(_UNPACKED / "fonts"),
        "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
    }


def install() -> None:
    """Install axe-core and, on x86-64 Linux, Chromium; ChildError when npm or the unpacking fails."""
    npm_ci(_HERE)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print(f"Chromium is packed for x86-64 Linux alone: name one in {CHOSEN}", file=sys.stderr)  # noqa: T201
        return
    with tempfile.TemporaryDirectory(dir=_UNPACKED.parent) as name:
        new = Path(name, "new")
        new.mkdir()
        _unpack(_PACKED / "chromium.br", new / "chromium")
        for folder in _FOLDERS:
            packed = Path(name, f"{folder}.tar")
            _unpack(_PACKED / f"{folder}.tar.br", packed)
            with tarfile.open(packed) as archive:
                archive.extractall(new / folder, filter="data")
        # The packed one names folders of the machine that it was made for.
        (new / "fonts" / "fonts.conf").write_text(_FONTS.format(_UNPACKED), encoding="utf-8")
        shutil.rmtree(_UNPACKED, ignore_errors=True)
        new.rename(_UNPACKED)


def _unpack(packed: Path, target: Path) -> None:
    done = subprocess.run([NODE, str(_HERE / "unpack.cjs"), packed, target], check=False)  # noqa: S603
    if done.returncode:
        raise ChildError(f"{packed.name} cannot be unpacked")


if __name__ == "__main__":
    install()
