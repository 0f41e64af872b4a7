"""What the demo shows while it runs: steps, and the users by state, live or line by line."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Final, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.demo.snapshot import Snapshot
from cli.demo.summary import NOBODY
from local.worlds import World
from shared.domain.user import MICROSOFT

WIDEST: Final = 100
"""Columns that anything may take."""

PROVIDERS: Final = ("InterCall", "PGi", "BT", NOBODY, MICROSOFT)
"""In the order in which they are shown."""


class _State(NamedTuple):
    name: str
    short: str
    style: str


_STATES: Final = (
    _State("on Microsoft", "Microsoft", "green"),
    _State("to be moved", "to be moved", "yellow"),
    _State("waiting for Teams", "waiting", "cyan"),
    _State("not licensed", "unlicensed", "bright_black"),
    _State("excluded", "excluded", "magenta"),
)
_LINE_EVERY: Final = 2.0


class View:
    """Shows the demo on a console: a live table on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = console.is_terminal and not console.is_dumb_terminal
        self.width = min(console.width, WIDEST)
        self._unicode = not console.options.ascii_only
        self._block = "█" if self._unicode else "#"

    def title(self, users: int, seed: int, world: World = World.THIRD_PARTIES) -> None:
        """Say what this is."""
        self.print()
        self.print(Text("ACP Mover: a simulated Microsoft 365 tenant, the real app", style="bold"))
        where = "" if world is World.THIRD_PARTIES else f", world {world}"
        self.print(Text(f"{users:,} users, seed {seed}{where}\n", style="dim"))

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show what is being done, for as long as it takes."""
        if self.live:
            with self.console.status(f"{doing} ..."):
                yield
        else:
            self.print(f"... {doing}")
            yield

    def done(self, what: str, seconds: float, *, well: bool = True) -> None:
        """Tick off a step that took `seconds`."""
        took = f"{seconds:.1f} s"
        line = Table.grid(expand=True)
        line.add_column()
        line.add_column(ratio=1)
        line.add_column(justify="right", no_wrap=True)
        line.add_row(self.mark(well), Text(what), Text(f"  {took}", style="dim"))
        self.print(line)

    def mark(self, well: bool) -> Text:
        """The mark before something that is as it should be, or is not."""
        if well:
            return Text("✔ " if self._unicode else "ok ", style="bold green")
        return Text("✘ " if self._unicode else "!! ", style="bold red")

    @contextmanager
    def watching(self, doing: str) -> Iterator[Callable[[Snapshot], None]]:
        """Give the function that shows snapshots while something is being done."""
        if not self.live:
            self.print(f"... {doing}")
            yield self._lines()
            return
        with Live(console=self.console, transient=True, refresh_per_second=10) as live:
            yield lambda snapshot: live.update(self.frame(doing, snapshot))

    def print(self, content: RenderableType = "") -> None:
        """Print below what is there; without the padding that a terminal does not show."""
        if self.console.is_terminal:
            self.console.print(content, width=self.width)
            return
        with self.console.capture() as captured:
            self.console.print(content, width=self.width)
        for line in captured.get().splitlines():
            print(line.rstrip(), file=self.console.file, flush=True)

    def _lines(self) -> Callable[[Snapshot], None]:
        began = last = time.monotonic()
        last -= _LINE_EVERY

        def show(snapshot: Snapshot) -> None:
            nonlocal last
            if time.monotonic() - last < _LINE_EVERY:
                return
            last = time.monotonic()
            counts = zip(_STATES, _counts(snapshot), strict=True)
            states = ", ".join(f"{state.short} {count:,}" for state, count in counts)
            self.print(f"  {last - began:5.1f} s  {states}")

        return show

    def frame(self, doing: str, snapshot: Snapshot) -> RenderableType:
        """Return one picture of what is being done: the users by state and by provider."""
        counts = _counts(snapshot)
        whole = max(1, sum(counts))
        width = self.width - 4
        stacked = Text()
        for share, state in zip(_shares(counts, width), _STATES, strict=True):
            stacked.append(self._block * share, style=state.style)
        states = Table.grid(padding=(0, 2))
        states.add_column(justify="right", min_width=6)
        for count, state in zip(counts, _STATES, strict=True):
            label = Text.assemble((f"{self._block} ", state.style), state.name)
            states.add_row(Text(f"{count:,}", style="bold"), label)
        providers = Table.grid(padding=(0, 2))
        providers.add_column(justify="right")
        for name in PROVIDERS:
            count = snapshot.totals["providers"].get(name, 0)
            style = "green" if name == MICROSOFT else "dim" if name == NOBODY else "yellow"
            columns = max(round(width * count / whole / 3), count > 0)
            providers.add_row(name, f"{count:,}", Text(self._block * columns, style))
        both = Table.grid(padding=(0, 4))
        both.add_row(states, providers)
        return Group(
            Text(f"{doing} ...", style="bold"),
            Padding(Group("", stacked, "", both, "", _activity(snapshot)), (0, 2)),
        )


def _counts(snapshot: Snapshot) -> tuple[int, ...]:
    """How many users are in each of `_STATES`; together they are all users."""
    totals = snapshot.totals
    candidates = totals["licensedIncluded"]
    ready = totals["readyToMove"]
    return (
        totals["licensedIncludedMicrosoft"],
        ready,
        totals["licensedIncludedNotMicrosoft"] - ready,
        totals["users"] - totals["licensed"],
        totals["licensed"] - candidates,
    )


def _shares(counts: tuple[int, ...], width: int) -> list[int]:
    """Columns of each part of a bar that is exactly `width` wide."""
    whole, reached, ends = max(1, sum(counts)), 0, [0]
    for count in counts:
        reached += count
        ends.append(round(width * reached / whole))
    return [end - start for start, end in pairwise(ends)]


def _activity(snapshot: Snapshot) -> Text:
    parts = {
        "licenses": f"{snapshot.assigned:,}/{snapshot.wave:,}",
        "notified": f"{snapshot.notifications:,}",
        "runs": f"{snapshot.looks:,}",
        "Graph calls": f"{snapshot.graph_calls:,}",
        "Teams calls": f"{snapshot.teams_calls:,}",
    }
    line = Text()
    for name, value in parts.items():
        line.append(("  " if line else "") + f"{name} ", style="dim")
        line.append(value, style="bold")
    return line
