"""Assess one user: look the user up, decide, and give the reason.

Moves and dry runs both use this, so a dry run cannot disagree with a move.
"""

from dataclasses import dataclass
from typing import Final

from shared.domain.decision import Action, Decision, Rules, decide, screen
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser, ServiceUser
from shared.errors import NotFoundError, ServiceError
from shared.services.ports import Conferencing

OUTCOMES: Final = {
    Action.REPLACE: Outcome.MOVED,
    Action.ENABLE: Outcome.MOVED,
    Action.SET_NUMBER: Outcome.ALREADY_MICROSOFT,
    Action.CHANGE_BRIDGE: Outcome.BRIDGE_CHANGED,
    Action.ALREADY: Outcome.ALREADY_MICROSOFT,
    Action.WAIT: Outcome.WAITING,
    Action.UNLICENSED: Outcome.UNLICENSED,
    Action.EXCLUDED: Outcome.EXCLUDED,
}
"""Outcome of carrying out each decision."""

WOULD: Final = OUTCOMES | {
    Action.REPLACE: Outcome.WOULD_MOVE,
    Action.ENABLE: Outcome.WOULD_MOVE,
    Action.CHANGE_BRIDGE: Outcome.WOULD_CHANGE_BRIDGE,
}
"""The same when nothing is carried out: report mode and dry runs."""

_UNKNOWN: Final = "the user is not in the directory"


@dataclass(frozen=True, slots=True)
class Assessment:
    """A user as Graph and Teams report it, and the decision.

    service: None when Teams does not know the user, or was not queried.
    """

    user: DirectoryUser
    service: ServiceUser | None
    decision: Decision

    @property
    def provider(self) -> str:
        """The name of the current provider, "" for none."""
        return self.service.provider.name if self.service and self.service.provider else ""

    def result(self, outcome: Outcome | None = None, old_provider: str | None = None) -> UserResult:
        """Return the user's result. outcome: None: that of carrying out the decision."""
        return UserResult(
            self.user.id,
            outcome or OUTCOMES[self.decision.action],
            self.decision.reason,
            self.user.upn,
            old_provider=old_provider,
            decision=self.decision.action,
            provider=self.provider if self.service else None,
            licensed_at=self.user.licensed_at,
        )

    def preview(self) -> UserResult:
        """Return the result that a dry run shows."""
        return self.result(WOULD[self.decision.action], self.provider or None)


async def assess(
    user: DirectoryUser, conferencing: Conferencing, rules: Rules, *, first: bool = False
) -> Assessment:
    """Look the user up in Teams, where that is needed, and decide. ServiceError: no answer.

    first: before the calls of users who were not begun yet.
    """
    if refused := screen(user, rules):
        return Assessment(user, None, refused)
    service = await conferencing.user(user.id, first=first)
    return Assessment(user, service, decide(user, service, rules))


def assess_again(user: DirectoryUser, found: Assessment, rules: Rules) -> Assessment:
    """Decide by what the directory says now, and by what Teams said."""
    if refused := screen(user, rules):
        return Assessment(user, None, refused)
    return Assessment(user, found.service, decide(user, found.service, rules))


def not_assessed(name: str, error: ServiceError) -> UserResult:
    """Return the result of a user, called `name`, who is not in the directory."""
    if isinstance(error, NotFoundError):
        return UserResult(name, Outcome.NOT_FOUND, _UNKNOWN, name)
    return UserResult(name, Outcome.FAILED, str(error), name)
