"""Ports to the tables of runs: their results, requests and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import date, datetime

    from shared.domain.move_request import MoveRequest, RequestPage
    from shared.domain.options import OwnNumbers
    from shared.domain.outcome import UserResult
    from shared.domain.run import Run, Signal, SweepPage


class Runs(Protocol):
    """Tables `runs` and `runresults`."""

    async def save_run(self, run: Run) -> Run:
        """Write the run's current state and return it as stored; StaleError: somebody else wrote it."""
        ...

    async def find_run(self, run: str) -> Run | None:
        """Return the run, or None; UnreadableRowError: its row is damaged or of a newer version."""
        ...

    async def first_month(self) -> date | None:
        """Return the first day of the month of the oldest run; None: there is no run."""
        ...

    def back_to(
        self, since: date, now: datetime, before: str = "", signal: Signal | None = None
    ) -> AsyncIterator[Run]:
        """Yield the runs from now back to a day, newest first.

        before: only those with lower ids. signal: only those that it began.
        """
        ...

    async def record_results(
        self,
        run: str,
        results: Sequence[UserResult],
        now: datetime,
        began: datetime | None = None,
    ) -> None:
        """Write the results of some users of a run; that of an attempt which began later stays."""
        ...

    def results(self, run: str) -> AsyncIterator[UserResult]:
        """Yield the results of the users of a run."""
        ...

    async def results_of(self, run: str, names: Sequence[str]) -> list[UserResult]:
        """Return the results of some users of a run, by id or the name that was not found."""
        ...


class NewestRuns(Protocol):
    """The part of table `runs` for people who look at the last ones."""

    async def newest(self, now: datetime, limit: int, before: str = "") -> list[Run]:
        """Return at most `limit` runs of this month and the one before, the newest first."""
        ...


class MoveRequests(Protocol):
    """Table `requests`: move requests, page by page."""

    async def save_page(self, run: str, page: RequestPage) -> None:
        """Write a page, unless it exists."""
        ...

    async def save_request(self, run: str, request: MoveRequest) -> None:
        """Store provider and options of a request; the names are in the pages."""
        ...

    async def request(self, run: str) -> MoveRequest:
        """Return provider and options of a request."""
        ...

    async def save_own_numbers(self, run: str, numbers: Mapping[str, OwnNumbers]) -> None:
        """Store the numbers of some users (at most 100) by id: whoever is held and released gets them."""
        ...

    async def own_numbers(self, run: str, users: Sequence[str]) -> Mapping[str, OwnNumbers]:
        """Return the numbers of those of some users who have numbers of their own in a run, by id."""
        ...

    async def mark_mailed(self, run: str, user_id: str) -> bool:
        """Remember that a mail to a user of a run is about to be asked for; False: it was before."""
        ...

    async def unmark_mailed(self, run: str, user_id: str) -> None:
        """Forget that a mail was about to be asked for: it was not."""
        ...

    async def claim_page(
        self, run: str, number: int, now: datetime, until: datetime
    ) -> RequestPage | None:
        """Return a page that is left to do, ours until then; None: it is done, or there is none.

        BusyError: somebody else is carrying it out.
        """
        ...

    async def give_up_page(self, run: str, number: int, until: datetime) -> None:
        """Let anybody carry out a page again that we claimed until then."""
        ...

    async def mark_done(self, run: str, number: int) -> None:
        """Mark the page as done: every user of it has a result."""
        ...

    def pages(self, run: str) -> AsyncIterator[RequestPage]:
        """Yield the run's pages in order."""
        ...

    async def page(self, run: str, number: int) -> RequestPage | None:
        """Return one page, or None."""
        ...

    async def is_left(self, run: str) -> bool:
        """Return whether a page of the run is not done."""
        ...

    async def run_of(self, key: str, run: str, asked: str) -> str:
        """Return the run of an idempotency key; ConflictError: it was sent with another request."""
        ...


class SweepPages(Protocol):
    """Table `plans`: the findings of each page of a sweep."""

    async def save_sweep_page(self, run: str, page: SweepPage) -> None:
        """Write a page; the same page again adds its users."""
        ...

    async def mark_sent(self, run: str, number: int) -> None:
        """Mark the page's users as queued."""
        ...

    def pages(self, run: str) -> AsyncIterator[SweepPage]:
        """Yield the run's pages in order."""
        ...

    async def delete(self, run: str) -> None:
        """Delete the run's pages."""
        ...
