"""Figures, the machine they were measured on, and the table that shows both (Markdown)."""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The repository's root: the function app's folder."""


class UnavailableError(Exception):
    """Something that a benchmark needs is missing; the text says what."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value in its unit. `at_most`: the target, if there is one; `note`: how to read it."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is met; true without one."""
        return self.at_most is None or self.value <= self.at_most

    @property
    def verdict(self) -> str:
        """The target and whether it is met, in words."""
        if self.at_most is None:
            return ""
        return f"{'met' if self.met else 'MISSED'}: at most {_number(self.at_most)}"


_WINDOW = 2_000.0
"""Milliseconds: a set that gets its turn later than this after the read is not sent."""


def window(windows: Sequence[int], of: str = "") -> Figure:
    """The 99th percentile of the windows of rule 1, in ms, each from an answered read to its set."""
    if not windows:
        raise UnavailableError("no line `decided` with window_ms in the hosts' logs")
    p99 = sorted(windows)[int(0.99 * (len(windows) - 1))]
    note = f"{len(windows):,} sets, the longest {max(windows):,} ms"
    return Figure(f"{of}: window of rule 1, p99".removeprefix(": "), p99, "ms", _WINDOW, note)


def machine() -> str:
    """CPU, cores, Python, date, commit, and the load before the run, because the machine may be shared."""
    parts = (
        f"CPU: {_cpu()}, {os.process_cpu_count()} cores",
        f"Python {platform.python_version()}",
        platform.system(),
        f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"commit: {_commit()}",
        f"load average before: {os.getloadavg()[0]:.2f}",
    )
    return "; ".join(parts)


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table that is also readable as plain text."""
    head = ("figure", "value", "unit", "target", "note")
    rows = [(f.what, _number(f.value), f.unit, f.verdict, f.note) for f in figures]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
    rule = (*("-" * width for width in widths), "-" * len(head[-1]))
    return "\n".join(_line(row, widths) for row in (head, rule, *rows))


def summary(figures: Iterable[Figure]) -> str:
    """How many targets are met, and each that is missed."""
    aims = [figure for figure in figures if figure.at_most is not None]
    missed = [figure for figure in aims if not figure.met]
    lines = [f"{len(aims) - len(missed)} of {len(aims)} targets met"]
    lines += [f"MISSED: {figure.what}: {_number(figure.value)} {figure.unit}" for figure in missed]
    return "\n".join(lines)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        text.rjust(width) if column == 1 else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=False))
    ]
    return f"| {' | '.join([*cells, row[-1]])} |"


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _cpu() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = [line.partition(":")[2] for line in text.splitlines() if line.startswith("model name")]
    return " ".join(names[0].split()) if names else platform.machine()


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"
