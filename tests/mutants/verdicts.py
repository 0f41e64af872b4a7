"""What a run of mutmut found, per module, and whether that is enough."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TARGETS: Final = {"domain": 1.0, "services": 0.95}
"""Share of its mutants that a room's tests have to kill; equivalent ones are not counted."""
_LEAST: Final = 0.9
"""And the least for any module."""

_KINDS: Final[dict[int | None, str]] = {
    None: "not run",
    2: "not run",
    **dict.fromkeys((1, 3), "killed"),
    # Out of time: a test that hangs is noticed, too.
    **dict.fromkeys((36, 24, -24, 152, 255, -9, -11), "killed"),
    **dict.fromkeys((5, 33), "uncovered"),
}
"""By pytest's status, as mutmut stores it; every other means that the mutant survived."""


def kind(status: int | None) -> str:
    """Return `killed`, `survived`, `uncovered` or `not run`."""
    return _KINDS.get(status, "survived")


@dataclass(frozen=True, slots=True)
class Module:
    """A module such as `domain.retry`, its mutants with their status, and those that are equivalent."""

    name: str
    mutants: Mapping[str, int | None]
    equivalent: frozenset[str] = frozenset()

    def counts(self) -> Counter[str]:
        """Return how many mutants there are of each kind, the equivalent ones as such."""
        return Counter(
            "equivalent" if name in self.equivalent else kind(status)
            for name, status in self.mutants.items()
        )

    def living(self) -> list[str]:
        """Return the mutants that no test killed."""
        return [name for name, status in self.mutants.items() if kind(status) != "killed"]


def stored(name: str, meta: Path) -> Module:
    """Return what mutmut stored of a module."""
    return Module(name, json.loads(meta.read_text("utf-8"))["exit_code_by_key"])


def share(counts: Mapping[str, int]) -> float:
    """Return the share of killed mutants; 1 without any."""
    counted = sum(counts.values()) - counts.get("equivalent", 0)
    return counts.get("killed", 0) / counted if counted else 1.0


def _line(name: str, counts: Counter[str], wanted: float) -> tuple[str, bool]:
    reached = share(counts) >= wanted
    verdict = "" if reached else f"  below {wanted:.0%}"
    kinds = ("killed", "survived", "uncovered", "not run", "equivalent")
    figures = " ".join(f"{counts[each]:>10}" for each in kinds)
    return f"{name:<34}{counts.total():>8} {figures} {share(counts):>7.1%}{verdict}", reached


def report(modules: Iterable[Module]) -> tuple[list[str], bool]:
    """Return the table, and whether every target is reached."""
    kinds = "    killed   survived  uncovered    not run equivalent"
    lines, good = [f"{'module':<34} mutants {kinds}  killed"], True
    rooms: dict[str, Counter[str]] = {}
    for module in modules:
        room = module.name.partition(".")[0]
        rooms.setdefault(room, Counter()).update(module.counts())
        line, reached = _line(module.name, module.counts(), max(_LEAST, int(_TARGETS[room])))
        lines.append(line)
        good = good and reached
    for room, counts in rooms.items():
        line, reached = _line(f"all of {room}", counts, _TARGETS[room])
        lines.append(line)
        good = good and reached
    return lines, good
