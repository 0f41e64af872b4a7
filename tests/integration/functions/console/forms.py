"""Every form of the console: where it stands, and what somebody writes into it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.pause import RequestedBy
from tests.integration.functions.console.desk import FAILED, HELD, OPEN, Answer, Desk

Fields = dict[str, str | Sequence[str]]


@dataclass(frozen=True)
class Form:
    """A form. stands: its action as the page has it, where a button of it leads elsewhere.

    action, page, stands, fields: `{third}`, `{none}` is a user ready to be moved, or who needs attention.
    reasons: what the fields of ticket and reason begin with; "" where it has none. selects: users.
    before: what has to happen first. needs_teams: it can do nothing while Teams is away.
    """

    action: str
    page: str
    fields: Mapping[str, str] = field(default_factory=dict)
    reasons: str = ""
    stands: str = ""
    selects: bool = False
    needs_teams: bool = False
    before: Callable[[Desk], Awaitable[object]] | None = None
    after: Callable[[Desk], Awaitable[object]] | None = None

    def at(self, desk: Desk, text: str) -> str:
        """Return a text with the ids of this tenant."""
        third, none = desk.user("third_party", 5), desk.user("no_provider")
        return text.format(third=third["id"], none=none["id"])

    async def opened(self, desk: Desk) -> Answer:
        """Open the page on which the form stands."""
        if self.page == "users/move":
            return await desk.post(self.page, {"user": self.at(desk, "{third}")})
        return await desk.get(self.at(desk, self.page))

    async def filled(self, desk: Desk, **others: str) -> Fields:
        """Return the form as somebody sends it who opened its page now. others: fields written otherwise."""
        page = await self.opened(desk)
        hidden = page.hidden(self.at(desk, self.stands or self.action))
        return {**hidden, **{n: self.at(desk, v) for n, v in self.fields.items()}, **others}


async def _pause(desk: Desk) -> None:
    await desk.app.pauses.pause("numbers are checked", RequestedBy("grace"))


async def _resume(desk: Desk) -> None:
    await desk.app.pauses.end(RequestedBy("grace"))


async def _save_entries(desk: Desk) -> None:
    """Have something saved of the user, as before a move."""
    user = await desk.app.adapters.teams.user(desk.user("third_party", 5)["id"])
    assert user is not None
    await desk.app.adapters.replaced.save_entries(user, desk.app.adapters.clock.now())


FORMS: Final[Mapping[str, Form]] = {
    "users/move": Form("users/move", "users", {"user": "{third}"}, selects=True, needs_teams=True),
    "users/move/begin": Form(
        "users/move/begin", "users/move", {"user": "{third}"}, reasons="begin", needs_teams=True
    ),
    "users/*/save": Form(
        "users/{third}/save",
        "users/{third}",
        {"provider": "Microsoft"},
        reasons="save",
        needs_teams=True,
    ),
    "users/*/saved": Form(
        "users/{third}/saved", "users/{third}", reasons="reveal", before=_save_entries
    ),
    "runs/*/retry": Form(f"runs/{FAILED}/retry", f"runs/{FAILED}", reasons="retry"),
    "runs/*/cancel": Form(f"runs/{OPEN}/cancel", f"runs/{OPEN}", reasons="cancel"),
    "runs/*/release": Form(
        f"runs/{HELD}/release", f"runs/{HELD}", {"which": "all"}, reasons="held", selects=True
    ),
    "runs/*/discard": Form(
        f"runs/{HELD}/discard",
        f"runs/{HELD}",
        {"which": "all"},
        reasons="held",
        stands=f"runs/{HELD}/release",
        selects=True,
    ),
    "pause": Form("pause", "", {"note": "a wrong list"}, reasons="pause", after=_resume),
    "resume": Form("resume", "", reasons="resume", before=_pause, after=_resume),
    "attention/retry": Form(
        "attention/retry", "attention", {"user": "{none}"}, selects=True, needs_teams=True
    ),
    "attention/acknowledge": Form(
        "attention/acknowledge",
        "attention",
        {"user": "{none}"},
        reasons="acknowledge",
        stands="attention/retry",
        selects=True,
    ),
}
"""By the pattern of its address."""
