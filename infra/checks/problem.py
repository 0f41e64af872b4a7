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
