"""Change the code in small ways and see whether a test notices (`make mutants`).

What was killed stays so until its function changes: a second run tries the others, and one that was
stopped resumes. `--fresh` starts anew.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from mutmut.mutation.diff_apply import get_diff_for_mutant

from tests.mutants.equivalent import EQUIVALENT, Equivalent
from tests.mutants.verdicts import Module, kind, report, stored

ROOT: Final = Path(__file__).parents[2]
WORK: Final = ROOT / "mutants"
"""Each room has a folder of its own in it, in which mutmut works."""

_ROOMS: Final = {
    "domain": ["tests/unit/shared/domain"],
    "services": ["tests/unit/shared/services", "tests/unit/functions"],
}
"""The tests that have to notice: those of the room itself, and for the services also their callers'."""

_MUTMUT: Final = """
[tool.mutmut]
source_paths = ["shared/{room}"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = {arguments}
timeout_multiplier = 4.0
"""
"""Tests that take four times as long, and some seconds, hang."""

_ARGUMENTS: Final = [
    *("--assert=plain", "--tb=no"),  # nobody reads why a test failed, and it costs most of the time
    *(f"-pno:{plugin}" for plugin in ("xdist", "cacheprovider", "schemathesis")),
    "-Wignore",
]


class Room:
    """A room, and the folder in which mutmut works on it: links to the project, copies of what changes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = WORK / name
        self._copy = self.folder / "mutants"

    def modules(self, only: list[str]) -> Iterator[tuple[str, Path]]:
        """Yield name and file of modules that are named or in a folder that is: `services.admin`."""
        for file in sorted((ROOT / "shared" / self.name).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT / "shared").with_suffix("").parts)
            if not only or any(f"{name}.".startswith(f"{each}.") for each in only):
                yield name, file.relative_to(ROOT)

    def prepare(self) -> None:
        """Link what mutmut does not copy, and write its settings."""
        # mutmut asks new tests alone which functions they run: of a new function it would know no test.
        self._copy.joinpath("mutmut-stats.json").unlink(missing_ok=True)
        self._copy.joinpath("shared").mkdir(parents=True, exist_ok=True)
        names = [path.name for path in ROOT.iterdir() if not path.name.startswith(".")]
        below = [f"shared/{path.name}" for path in (ROOT / "shared").iterdir()]
        mutated = {"shared", "tests", "pyproject.toml", "mutants", f"shared/{self.name}"}
        links = [self.folder / each for each in ("shared", "tests")]
        links += [self._copy / each for each in (*names, *below) if each not in mutated]
        for link in links:
            if link.is_symlink() or not link.exists():
                link.unlink(
                    missing_ok=True
                )  # it may be of the folder from which this one was copied
                base = self._copy if link.is_relative_to(self._copy) else self.folder
                link.symlink_to(ROOT / link.relative_to(base))
        settings = _MUTMUT.format(
            room=self.name,
            tests=json.dumps(_ROOMS[self.name]),
            arguments=json.dumps(_ARGUMENTS),
        )
        text = (ROOT / "pyproject.toml").read_text("utf-8") + settings
        (self.folder / "pyproject.toml").write_text(text, "utf-8")

    def meta(self, file: Path) -> Path:
        """Return where mutmut keeps what it found of a module."""
        return self._copy / f"{file}.meta"

    def to_run(self, name: str, file: Path) -> list[str]:
        """Return the mutants of a module that have to be tried, as mutmut takes them."""
        everything = [f"shared.{name}.*"]
        if not self.meta(file).exists() or _age(self._copy / file) <= _age(ROOT / file):
            return everything
        module = stored(name, self.meta(file))
        untried = all(kind(status) == "not run" for status in module.mutants.values())
        return everything if untried and module.mutants else module.living()

    def run(self, names: list[str], children: int) -> int:
        """Run mutmut; return its status, and print what it said when that is not 0."""
        mutmut = str(Path(sys.executable).with_name("mutmut"))
        command = [mutmut, "run", "--max-children", str(children), *names]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, encoding="utf-8", check=False
        )
        if done.returncode:
            print(done.stdout[-4000:])
        return done.returncode

    def judged(self, name: str, file: Path) -> tuple[Module, list[str], set[Equivalent]]:
        """Return what is known of a module, its survivors as text, and the listed ones that were met."""
        module = stored(name, self.meta(file))
        os.chdir(self.folder)  # mutmut reads below the folder in which it is
        living = {each: _changed_line(each, file) for each in module.living()}
        listed = {(each.was, each.becomes): each for each in EQUIVALENT if each.module == name}
        same = frozenset(each for each, line in living.items() if line in listed)
        texts = [
            f"{each} ({kind(module.mutants[each])})\n    - {line[0]}\n    + {line[1]}"
            for each, line in living.items()
            if each not in same
        ]
        return replace(module, equivalent=same), texts, {listed[living[each]] for each in same}


def _age(file: Path) -> float:
    return file.stat().st_mtime


def _changed_line(mutant: str, file: Path) -> tuple[str, str]:
    lines = get_diff_for_mutant(mutant, path=file).splitlines()[2:]
    was, becomes = (
        " ".join(each[1:].strip() for each in lines if each.startswith(sign)) for sign in "-+"
    )
    return was, becomes


def main() -> int:
    """Run mutmut over the chosen modules and print the table; 1: a target is missed."""
    options = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    options.add_argument("--room", choices=_ROOMS, help="only this room")
    options.add_argument("--children", type=int, default=os.cpu_count() or 1)
    options.add_argument("--fresh", action="store_true", help="forget what was found before")
    options.add_argument("--show", action="store_true", help="print the lines of survivors")
    options.add_argument("modules", nargs="*", help="only these, as domain.retry or services.admin")
    asked = options.parse_args()
    if asked.fresh:
        shutil.rmtree(WORK, ignore_errors=True)
    found: list[tuple[Module, list[str], set[Equivalent]]] = []
    for room in map(Room, [asked.room] if asked.room else _ROOMS):
        chosen = list(room.modules(asked.modules))
        room.prepare()
        names = [each for name, file in chosen for each in room.to_run(name, file)]
        if names and (status := room.run(names, asked.children)):
            return status
        found += [room.judged(name, file) for name, file in chosen]
    if not found:
        options.error(f"there is no module {', '.join(asked.modules)}")
    lines, good = report(module for module, _, _ in found if module.mutants)
    print("\n".join(lines))
    if asked.show:
        print("\n".join(text for _, texts, _ in found for text in texts))
    met = {each for _, _, listed in found for each in listed}
    seen = {module.name for module, _, _ in found}
    stale = [each for each in EQUIVALENT if each.module in seen and each not in met]
    for each in stale:
        print(f"listed as equivalent and no survivor: {each.module}: {each.was} -> {each.becomes}")
    return 0 if good and not stale else 1


if __name__ == "__main__":
    sys.exit(main())
