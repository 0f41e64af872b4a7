"""Compare sweeps, moves and the Teams listing with those of commit 6a26332, both in turns, in one run.

Sweeps and moves by each one's own benchmark, the listing of each one's own tenant by `teams_peer.py`. That
commit had no roster, history or guard. Its code is taken out of this checkout's history. Each figure is the
median of the ratios of its turns: whatever else a shared machine does, it does to both sides of most turns.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import ROOT, Figure, UnavailableError
from benchmarks.stack import Stack
from local.processes import Child
from local.stack import app_settings

_COMMIT = "6a26332"
_TURNS = 3
_LISTING_TURNS = 6
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
    """Yield the ratios of CPU time, for listings and sweeps of 20,000 users and 1,000 to move."""
    with tempfile.TemporaryDirectory(prefix="acp-before-") as scratch:
        before = Path(scratch)
        _unpack(before)
        seen: dict[Path, list[dict[str, float]]] = {before: [], ROOT: []}
        listings = _listings(before)
        for _ in range(1 if quick else _TURNS):
            for folder, figures in seen.items():
                figures.append(_measured(folder))
    yield _compared(_LISTING, listings[::2], listings[1::2], _LISTING_SHARE)
    for what, most in _TARGETS.items():
        then, now = ([each[what] for each in figures] for figures in seen.values())
        yield _compared(what, then, now, most)


def _compared(what: str, then: Sequence[float], now: Sequence[float], most: float) -> Figure:
    """Return the median ratio of the turns; its note has the least and the most of each side."""
    ratio = median(ours / theirs for theirs, ours in zip(then, now, strict=True))
    note = f"{min(now):.3g} to {max(now):.3g}, {min(then):.3g} to {max(then):.3g}"
    return Figure(f"{what}, of {_COMMIT}'s", ratio, "times", most, note)


def _unpack(folder: Path) -> None:
    """Write that commit's files to a folder, with the Azurite of this one."""
    command = ["git", "-C", str(ROOT), "archive", _COMMIT]
    found = subprocess.run(command, capture_output=True, check=False)
    if found.returncode:
        raise UnavailableError(f"commit {_COMMIT} is not in the history of this checkout")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as files:
        files.extractall(folder, filter="data")
    (folder / _AZURITE).symlink_to(ROOT / _AZURITE)


def _listings(before: Path) -> list[float]:
    """Return CPU microseconds per user of listings of Teams in turns, by that commit first.

    Each reads its own simulated tenant: that commit reads less of what today's shows.
    """
    options = ("--port", "0", "--users", str(_LISTED), "--lag", "0")
    command = [sys.executable, "-m", "cli", "tenant", *options]
    with (
        Stack(_LISTED) as system,
        Child("tenant", command, log=system.folder / "then.log", folder=before) as tenant,
    ):
        origin = tenant.wait_for_line(r"^ready (http://\S+)$", 120)[1]
        now = app_settings(system.connection_string, system.tenant)
        then = {name: value.replace(system.tenant.origin, origin) for name, value in now.items()}
        turns = [(before, then), (ROOT, now)] * _LISTING_TURNS
        return [_listed(folder, settings) for folder, settings in turns]


def _listed(folder: Path, settings: Mapping[str, str]) -> float:
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
