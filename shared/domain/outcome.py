"""The outcome of one attempt at one user."""

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.decision import Action
from shared.domain.history import Change
from shared.domain.user import MICROSOFT
from shared.domain.value import value


class Outcome(StrEnum):
    """Outcome of an attempt."""

    MOVED = "moved"
    ALREADY_MICROSOFT = "already_microsoft"
    BRIDGE_CHANGED = "bridge_changed"
    """On Microsoft before; the number rule's bridge gave the user a new conference ID and numbers."""
    WAITING = "waiting"
    UNLICENSED = "unlicensed"
    EXCLUDED = "excluded"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    WOULD_MOVE = "would_move"
    HELD = "held"
    """Ready to be moved, but the guard's limit is reached: a person releases the user."""
    WOULD_CHANGE_BRIDGE = "would_change_bridge"
    CANCELLED = "cancelled"
    """The run was cancelled before the user's turn. It says nothing about the user: nobody looked."""


CHANGES: Final = frozenset({Outcome.MOVED, Outcome.BRIDGE_CHANGED})
"""Outcomes of a user whom the app changed: what is met afterwards does not undo them."""

OPEN: Final = frozenset({Outcome.WAITING, Outcome.FAILED, Outcome.HELD})
"""Outcomes after which the user is on a list, whose row tells the run what comes of it."""


@value
class UserResult:
    """An outcome with its reason; `needs_person`: a retry cannot help.

    `old_provider` is the name of the provider that was (or would be) replaced, "" for none.
    `pause`: seconds that the service asked to wait before another try. `by_service`: a service or table
    failed, not this user. `window`: seconds from the answer of the read to that of the set, if any.
    `provider`: the name of the provider that was read, "" for none, None: not read.
    `decision`: what was to be done with the user, None when an error came before that was known.
    `paused`: the user waits only because changes are paused.
    `licensed_at`: when the conferencing plan was assigned, where the directory said so.
    `at`: when it was recorded (UTC), where it was read from a run.
    `change`: what the app did to the user, for the history.
    """

    user_id: str
    outcome: Outcome
    reason: str
    upn: str = ""
    old_provider: str | None = None
    needs_person: bool = False
    pause: float = 0.0
    by_service: bool = False
    window: float | None = None
    decision: Action | None = None
    provider: str | None = None
    paused: bool = False
    licensed_at: datetime | None = None
    at: datetime | None = field(default=None, compare=False)
    change: Change | None = field(default=None, compare=False)

    @property
    def found_elsewhere(self) -> bool:
        """Whether the user was found without Microsoft, and was not changed."""
        if self.provider is None or self.change or self.outcome in CHANGES:
            return False
        return self.provider.casefold() != MICROSOFT.casefold()
