"""Side effects of a change for users, counted from what a dry run found and the tenant's switches."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from shared.domain.decision import Action
from shared.domain.listing import TenantSwitches
from shared.domain.outcome import UserResult
from shared.text import counted


@dataclass(frozen=True, slots=True)
class SideEffects:
    """How many users would notice what, and the tenant's switches that decide it.

    replaced_conference_ids: old meetings keep an ID that no longer works. replaced_numbers: those users,
    and users who keep the ID and get another default number. mails: with numbers and PIN, whether the
    tenant or the request asks for them. meetings_sent_again: all future ones, to everybody invited.
    """

    switches: TenantSwitches
    replaced_conference_ids: int
    replaced_numbers: int
    mails: int
    meetings_sent_again: int

    @classmethod
    def of(
        cls, results: Iterable[UserResult], switches: TenantSwitches, *, send_email: bool
    ) -> Self:
        """Return the side effects of carrying out the decisions of `results`."""
        users = Counter(result.decision for result in results)
        replaced = sum(users[action] for action in Action if action.replaces_ids)
        numbers = replaced + users[Action.SET_NUMBER]
        changed = numbers + users[Action.ENABLE]
        mails = changed if send_email or switches.sends_mail else 0
        return cls(switches, replaced, numbers, mails, changed if switches.sends_meetings else 0)

    def lines(self) -> Iterator[str]:
        """Yield each side effect as a line for a person."""
        for count, effect in (
            (
                self.replaced_conference_ids,
                "would get a new conference ID instead of the one they have",
            ),
            (self.replaced_numbers, "would get other numbers than they have"),
            (self.mails, "would be mailed their numbers and PIN"),
        ):
            if count:
                yield f"{counted(count, 'user')} {effect}"
        if self.meetings_sent_again:
            whose = counted(self.meetings_sent_again, "user")
            yield f"all future meetings of {whose} would be sent again to everybody invited"
