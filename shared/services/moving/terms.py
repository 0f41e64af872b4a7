"""The terms on which users are moved."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.domain.claim import Claim
from shared.domain.decision import Rules
from shared.domain.options import OwnNumbers
from shared.domain.run import Signal


@dataclass(frozen=True, slots=True)
class Terms:
    """How users are moved: by which rules, with a mail of Microsoft or not, or only reported.

    run: the run they belong to, if any. read_at: when the directory was read (monotonic seconds).
    signal: what asked for it. expected: how many users of the run a person expects to be changed.
    attempt: whose claim on a change it is.
    """

    rules: Rules
    send_email: bool = False
    report: bool = False
    run: str | None = None
    read_at: float = float("-inf")
    signal: Signal = Signal.LICENSE_EVENT
    expected: int | None = None
    attempt: str = field(default_factory=lambda: secrets.token_hex(8))

    def with_numbers(self, own: OwnNumbers | None) -> "Terms":
        """Return the terms for a user with numbers of the user's own, if any."""
        return (
            replace(self, rules=self.rules.with_numbers(own.toll, own.toll_free)) if own else self
        )

    def claim(self, now: datetime) -> Claim:
        """Return the claim of this attempt on a change that begins now."""
        return Claim(self.attempt, now, self.run)
