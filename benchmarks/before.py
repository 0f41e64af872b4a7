"""Compare sweeps, moves and the Teams listing with those of commit 6a26332, both in turns, in one run.

Sweeps and moves by each one's own benchmark, the listing of one tenant by `teams_peer.py`. That commit had
no roster, history or guard. Its code is taken out of this checkout's history.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import ROOT, Figure, UnavailableError
from benchmarks.stack import Stack
from local.stack import app_settings

_COMMIT = "6a26332"
_TURNS = 2
_TARGETS = {
    "CPU of the host, first sweep": 0.6,
    "CPU of the host, second sweep": 0.25,
    "CPU of the host": 0.5,
}
"""Of which figures of the benchmarks, and how much of that commit's they may be."""

_LISTING = "CPU, Teams listing"
_LISTING_SHARE = 15 / 19.5
"""The target was 15 us for each user where that commit took 19 to 20."""

_LISTED = 19_999
_SCRIPT = Path(__file__).with_name("teams_peer.py")
_AZURITE = "local/azurite/node_modules"


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the ratio of the least CPU time of each side, for sweeps of 20,000 users and 1,000 to move."""
    with tempfile.TemporaryDirectory(prefix="acp-before-") as scratch:
        before = Path(scratch)
        _unpack(before)
        seen: dict[Path, list[dict[str, float]]] = {before: [], ROOT: []}
        with Stack(_LISTED) as system:
            listings = [_listed(system, folder) for _ in range(_TURNS) for folder in seen]
        for _ in range(1 if quick else _TURNS):
            for folder, figures in seen.items():
                figures.append(_measured(folder))
    then, now = min(listings[::2]), min(listings[1::2])
    note = f"{now:.1f}, {then:.1f} us per user"
    yield Figure(f"{_LISTING}, of {_COMMIT}'s", now / then, "times", _LISTING_SHARE, note)
    for what, most in _TARGETS.items():
        then, now = (min(each[what] for each in figures) for figures in seen.values())
        yield Figure(f"{what}, of {_COMMIT}'s", now / then, "times", most, f"{now:g}, {then:g}")


def _unpack(folder: Path) -> None:
    """Write that commit's files to a folder, with the Azurite of this one."""
    command = ["git", "-C", str(ROOT), "archive", _COMMIT]
    found = subprocess.run(command, capture_output=True, check=False)
    if found.returncode:
        raise UnavailableError(f"commit {_COMMIT} is not in the history of this checkout")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as files:
        files.extractall(folder, filter="data")
    (folder / _AZURITE).symlink_to(ROOT / _AZURITE)


def _listed(system: Stack, folder: Path) -> float:
    """Return CPU microseconds per user of a listing of Teams by a checkout."""
    settings = app_settings(system.connection_string, system.tenant)
    command = [sys.executable, str(_SCRIPT)]
    environment = {**os.environ, **settings}
    printed = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout
    users, seconds = printed.split()
    return 1e6 * float(seconds) / int(users)


def _measured(folder: Path) -> dict[str, float]:
    """Return the figures of a checkout's quick sweeps and moves by their names."""
    command = [sys.executable, "-m", "benchmarks", "sweep", "moves", "--quick"]
    printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"(?m)^\| (.+?) +\| +([\d.,]+) \|", printed)
    return {name: float(value.replace(",", "")) for name, value in rows}
