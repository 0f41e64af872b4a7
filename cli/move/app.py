"""`acp move --app`: have the deployed function app do the work, and follow its run."""

import time
import uuid
from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from cli.app_api import UNREACHABLE, AppApi
from cli.endings import progress
from cli.errors import CommandError
from cli.output import tell
from shared.clients.values import describe, printable
from shared.views.runs import DetailView, RunView, WaitsView
from shared.views.users import AttentionView

_POLL_SECONDS: Final = 2.0


class Begun(BaseModel):
    """The answer to a request: the run that it began, and whether changes are paused."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    paused: str = ""


class RunState(Begun):
    """A run's progress, as the app shows it."""

    state: str
    counts: dict[str, int]
    done: int = 0
    expected: int = 0
    by_name: bool | None = None
    reason: str = ""
    waits: WaitsView | None = None
    side_effects: dict[str, Any] | None = None


class Results(BaseModel):
    """A page of results, and where the next one is."""

    results: list[dict[str, Any]]
    next: str | None = None


class InNeed(BaseModel):
    """The users who need attention."""

    users: list[AttentionView]


class RemoteApp(AppApi):
    """The runs of a deployed app. Errors and use as for AppApi."""

    def begin(self, body: dict[str, object], path: str = "moves") -> str:
        """Begin a run; return its id. Without an answer the request is retried; the run begins only once.

        path: of the call that begins it.
        """
        key = {"Idempotency-Key": str(uuid.uuid4())}
        run = self.read(Begun, "POST", path, json=body, headers=key)
        if run.paused:
            tell(f"warning: {printable(run.paused)}")
        return run.id

    def retry(self, run: str, body: dict[str, object]) -> str:
        """Begin a run over the failed users of another; return its id."""
        return self.begin(body, f"runs/{quote(run, safe='')}/retry")

    def in_need(self) -> list[str]:
        """Return the ids of the users who need attention."""
        return [user.id for user in self.read(InNeed, "GET", "attention").users]

    def follow(self, run: str) -> RunState:
        """Show the run's progress until it ends; CommandError: it was interrupted or it failed."""
        said = ""
        while True:
            found = self.read(RunState, "GET", f"runs/{quote(run, safe='')}")
            if found.id != run:
                raise CommandError(f"the app's answer is not about run {run}", UNREACHABLE)
            text = progress(found.state, found.done, found.expected, found.counts)
            if text != said:
                tell(text)
                said = text
            # Whoever cancels a run says so first, and then of each user.
            is_listed = found.state != "cancelled" or found.done >= found.expected
            if found.state in ("finished", "held", "cancelled") and is_listed:
                return found
            if found.state in ("failed", "interrupted"):
                raise CommandError(f"run {run} {found.state}: {printable(found.reason)}", 1)
            time.sleep(_POLL_SECONDS)

    def cancel(self, run: str, ticket: str | None, note: str | None) -> RunState:
        """Cancel a run; return it as it is then."""
        given = {"ticket": ticket, "note": note}
        body = {name: value for name, value in given.items() if value}
        return self.read(RunState, "POST", f"runs/{quote(run, safe='')}/cancel", json=body)

    def view(self, run: str) -> RunView:
        """Return a run as the app shows it."""
        return self.read(RunView, "GET", f"runs/{quote(run, safe='')}")

    def details(self, run: str) -> list[dict[str, Any]]:
        """Return the results of a run with names and numbers, or without, of an app that has none."""
        try:
            return [
                DetailView.model_validate(each).model_dump()
                for each in self.results(run, "?details=true")
            ]
        except (CommandError, ValidationError) as error:
            said = describe(error) if isinstance(error, ValidationError) else str(error)
            tell(f"warning: the results come without names and numbers: {said}")
        nothing = dict.fromkeys(DetailView.model_fields, "")
        return [{**nothing, "run": run, **each} for each in self.results(run)]

    def results(self, run: str, query: str = "") -> Iterator[dict[str, Any]]:
        """Yield the results of a run; CommandError: their pages do not end."""
        path = f"runs/{quote(run, safe='')}/results{query}"
        seen = {path}
        while True:
            page = self.read(Results, "GET", path)
            yield from page.results
            if not page.next:
                return
            path = self.path_of(page.next)
            if path in seen or not page.results:
                raise CommandError("the app's results do not end: a page leads back", UNREACHABLE)
            seen.add(path)
