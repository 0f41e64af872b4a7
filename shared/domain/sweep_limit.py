"""Limit of a sweep: one that would move too many users is held until an administrator releases it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.bridge_changes import describe
from shared.domain.decision import Action
from shared.domain.number_rules import NumberRules


@dataclass(frozen=True, slots=True)
class SweepLimit:
    """Limit on the users that one sweep moves: `moves` users and `share` of the licensed (1: none).

    numbers: the number rules, to name those that change the bridge of users on Microsoft.
    """

    moves: int
    share: float
    numbers: NumberRules = field(default_factory=NumberRules)

    def holds(self, counts: Mapping[str, int]) -> str | None:
        """Return why a sweep with these counts is held, or None.

        Users whom Teams does not list or whose fields could not be read count as well, because it is
        not known yet what the mover will find.
        """
        unknown = counts.get("unlisted", 0) + counts.get("unreadable", 0)
        would_move = unknown + sum(
            counts.get(str(action), 0) for action in Action if action.changes_tenant
        )
        licensed = counts.get("licensed", 0)
        bridges = describe(counts, self.numbers)
        among = f"; {bridges}" if bridges else ""
        if would_move > self.moves:
            return f"it would move {would_move} users; ACP_SWEEP_MAX_MOVES is {self.moves}{among}"
        if self.share < 1 and would_move > self.share * licensed:
            return (
                f"it would move {would_move} of {licensed} licensed users; "
                f"ACP_SWEEP_MAX_SHARE is {self.share:g}{among}"
            )
        return None
