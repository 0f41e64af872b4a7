"""Mutants that change nothing anybody could see: each by its line, and why."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A changed line of a module (`domain.retry`), blanks around it left out, and why it is the same."""

    module: str
    was: str
    becomes: str
    why: str


EQUIVALENT: Final[tuple[Equivalent, ...]] = ()
