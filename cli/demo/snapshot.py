"""The system at one moment, as the demo watches it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The system at one moment.

    totals: the tenant's. looks: messages that `move_users` has finished. assigned, wave: licenses
    so far, and in all. quiet: no notification, no message and nobody waiting is on the way.
    """

    totals: Mapping[str, Any]
    assigned: int
    wave: int
    notifications: int
    graph_calls: int
    teams_calls: int
    looks: int
    waiting: int
    quiet: bool

    @property
    def progress(self) -> tuple[int, ...]:
        """What changes as long as something gets done."""
        return (
            self.assigned,
            self.totals["licensedIncludedMicrosoft"],
            self.notifications,
            self.waiting,
        )
