"""What a check finds: a file, a line where known, what is wrong there and what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `file` is relative to the checked folder; `line` counts from 1."""

    file: str
    wrong: str
    do: str
    line: int | None = None

    def __str__(self) -> str:
        """`infra/main.bicep:12: what is wrong. What to do.`"""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.wrong}. {self.do}."


Check = Callable[[Path], list[Problem]]
"""Takes the folder that holds `azure.yaml` and `infra/`; returns what is wrong, or nothing."""


def in_source(folder: Path, wrong: str, do: str, *words: str, stage: str = "") -> Problem:
    """A problem at the line where the first of the words stands that does, else in main.bicep.

    stage: the file of a second stage, which is searched first.
    """
    paths = [*sorted((folder / "infra").rglob("*.bicep")), folder / "infra/main.parameters.json"]
    paths.sort(key=lambda path: path.name != stage)
    for word in words:
        for path in paths:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if word in line and not line.lstrip().startswith("//") and " existing " not in line:
                    return Problem(path.relative_to(folder).as_posix(), wrong, do, number)
    return Problem("infra/main.bicep", wrong, do)
