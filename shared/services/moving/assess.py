"""What is to be done with one user: looks the user up, decides, and puts it in words.

Movers and dry runs both ask here, so a dry run cannot disagree with a move.
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
    Action.ALREADY: Outcome.ALREADY_MICROSOFT,
    Action.WAIT: Outcome.WAITING,
    Action.UNLICENSED: Outcome.UNLICENSED,
    Action.EXCLUDED: Outcome.EXCLUDED,
}
"""What carrying out a decision comes to."""

WOULD: Final = OUTCOMES | dict.fromkeys((Action.REPLACE, Action.ENABLE), Outcome.WOULD_MOVE)
"""The same where nothing is carried out: report mode and dry runs."""

_UNKNOWN: Final = "the directory does not know the user"


@dataclass(frozen=True, slots=True)
class Assessment:
    """A user as Graph and Teams have it, and the decision.

    service: None when Teams does not know the user, or did not have to be asked.
    """

    user: DirectoryUser
    service: ServiceUser | None
    decision: Decision

    @property
    def provider(self) -> str:
        """The name of the provider that decides, "" for none."""
        return self.service.provider.name if self.service and self.service.provider else ""

    def result(self, outcome: Outcome | None = None, old_provider: str | None = None) -> UserResult:
        """Return what came of the user. outcome: None: what carrying out the decision comes to."""
        return UserResult(
            self.user.id,
            outcome or OUTCOMES[self.decision.action],
            self.decision.reason,
            self.user.upn,
            old_provider=old_provider,
            decision=self.decision.action,
        )

    def preview(self) -> UserResult:
        """Return what would come of the user."""
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


def not_assessed(name: str, error: ServiceError) -> UserResult:
    """Return the result of a user, called `name`, whom the directory does not show."""
    if isinstance(error, NotFoundError):
        return UserResult(name, Outcome.NOT_FOUND, _UNKNOWN, name)
    return UserResult(name, Outcome.FAILED, str(error), name)
