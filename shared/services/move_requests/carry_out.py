"""Requested runs: move named users now, with a result for each.

The names are stored first, page by page, so that an interrupted run resumes without its list.
A user who has a result in the run is not retried.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import batched
from typing import Final, Protocol

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.messages import USERS_PER_MESSAGE, MoveMessage
from shared.domain.move_request import NAMES_PER_PAGE, MoveRequest, RequestPage, count_users
from shared.domain.options import DEFAULT_OPTIONS, NO_NUMBERS, MoveOptions, OwnNumbers
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.run import Mode, Run, RunState, Signal, new_run_id
from shared.domain.user import DirectoryUser
from shared.errors import AcpError, ConflictError, InputError, TransientError
from shared.services.moving.assess import not_assessed
from shared.services.ports import Directory, MoveRequests, Runs
from shared.services.run_changes import change_run, existing_run
from shared.telemetry.operation import traced

_PAGES_WRITTEN_AT_ONCE: Final = 16
_MESSAGES_AT_ONCE: Final = 4

Progress = Callable[[Sequence[UserResult]], None]
"""Called with the results of some users as soon as they are available."""


class Movers(Protocol):
    """Moves the users of a message and records each result."""

    async def move(
        self, message: MoveMessage, options: MoveOptions, patience: float | None
    ) -> list[UserResult]:
        """Return one result per user; BusyError: there was no room for them in so many seconds."""
        ...


class MoveRunner:
    """Begins requested runs, and carries them out in this process."""

    def __init__(
        self,
        *,
        directory: Directory,
        mover: Movers,
        requests: MoveRequests,
        runs: Runs,
        mode: Mode,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._mover = mover
        self._requests = requests
        self._runs = runs
        self._mode = mode
        self._clock = clock
        self._stopping = asyncio.Event()

    async def begin(
        self,
        names: Iterable[str],
        options: MoveOptions = DEFAULT_OPTIONS,
        named: int = 0,
        by: RequestedBy | None = None,
    ) -> Run:
        """Store a run over `names` (ids or addresses, each once); InputError: no names.

        named: how many were given, repetitions included; 0: they were found, not named. by: who asks. When
        this returns the run can be carried out, now or later, by any process.
        """
        now = self._clock.now()
        name = new_run_id(Signal.REQUEST, now)
        run = Run(name, Signal.REQUEST, RunState.INTERRUPTED, now, mode=self._mode)
        if by:
            run = replace(run, requested_by=str(by), ticket=by.ticket, note=by.note)
        count = await self.write_pages(run.id, names, own_numbers=options.own_numbers)
        if count == 0:
            raise InputError("no user was named; nothing was done")
        await self._requests.save_request(run.id, MoveRequest(options=options))
        counts = count_users(named or count, count)
        run = replace(run, counts=counts, by_name=named > 0, scanned=True)
        return await self._runs.save_run(run)

    async def write_pages(
        self,
        run: str,
        names: Iterable[str],
        after: int = 0,
        own_numbers: Mapping[str, OwnNumbers] = NO_NUMBERS,
    ) -> int:
        """Write the pages of a run, the same ones for the same names; return how many names.

        after: the number of the last page that is there. own_numbers: of single users, by name.
        """
        count = 0

        def pages() -> Iterable[RequestPage]:
            nonlocal count
            for number, some in enumerate(batched(names, NAMES_PER_PAGE, strict=False), after + 1):
                count += len(some)
                keys = [name.lower() for name in some if name.lower() in own_numbers]
                yield RequestPage(number, some, own_numbers={key: own_numbers[key] for key in keys})

        for some in batched(pages(), _PAGES_WRITTEN_AT_ONCE, strict=False):
            await gather_bounded(
                (self._requests.save_page(run, page) for page in some), _PAGES_WRITTEN_AT_ONCE
            )
        return count

    def stop(self) -> None:
        """Start no further users; current moves are finished, and the run can be resumed."""
        self._stopping.set()

    @traced
    async def carry_out(self, run_id: str, on_progress: Progress = lambda _: None) -> Run:
        """Move the users of a run who have no result yet; return the run's new state.

        State `finished`: every user has a result; `interrupted`: `stop` was called, or an error is
        raised. InputError: there is no such run, or it is a sweep.
        """
        run = await self.find(run_id)
        if run.state is RunState.CANCELLED:
            raise ConflictError(f"run {run_id!r} is cancelled: begin a new run")
        return await self._carry_out(run, on_progress)

    async def cancel(self, run: Run) -> Run:
        """Give every user of a cancelled run who has no result yet that result: nobody is begun."""
        return await self._carry_out(run, lambda _: None)

    async def _carry_out(self, run: Run, on_progress: Progress) -> Run:
        def begin(it: Run) -> Run | None:
            return None if it.state is RunState.CANCELLED else replace(it, state=RunState.RUNNING)

        run = await change_run(self._runs, run, begin)
        outcomes: Counter[str] = Counter()

        def count(results: Sequence[UserResult]) -> None:
            outcomes.update(str(result.outcome) for result in results)
            on_progress(results)

        known: set[str] = set()
        async for result in self._runs.results(run.id):
            known.add(result.user_id.lower())
            outcomes[str(result.outcome)] += 1
        try:
            await self._move_what_is_left(run.id, known, count)
        finally:
            run = await self.refresh_state(run, outcomes)
        return run

    async def refresh_state(self, run: Run, outcomes: Mapping[str, int] | None = None) -> Run:
        """Save the run's state: finished when no page is left, else interrupted.

        outcomes: users per outcome, if already counted. At the end a user counts once, however often and
        by whatever names the user was named.
        """
        left = any([not page.done async for page in self._requests.pages(run.id)])
        ended = self._clock.now()
        known = await self.outcomes(run.id) if outcomes is None else outcomes

        def change(it: Run) -> Run | None:
            if left and it.state in (RunState.FINISHED, RunState.CANCELLED):
                return None  # another process has carried out what was left, or will
            users = it.counts.get("users", 0)
            named = it.counts.get("names", users)
            counts = {**count_users(named, users if left else sum(known.values())), **known}
            if left:
                return replace(it, state=RunState.INTERRUPTED, finished_at=None, counts=counts)
            if it.state is RunState.CANCELLED:
                return replace(it, scanned=True, finished_at=ended, counts=counts)
            # What interrupted it is made good.
            held = known.get(Outcome.HELD, 0)
            return replace(
                it,
                state=RunState.HELD if held else RunState.FINISHED,
                reason=f"{held} of its users are held" if held else "",
                scanned=True,
                finished_at=ended,
                counts=counts,
            )

        return await change_run(self._runs, run, change)

    async def outcomes(self, run: str) -> dict[str, int]:
        """Return the number of users per outcome of a run so far."""
        return dict(Counter([str(result.outcome) async for result in self._runs.results(run)]))

    async def find(self, run_id: str) -> Run:
        """Return a run that can be carried out; NoSuchItemError: no run has that id."""
        run = await existing_run(self._runs, run_id)
        if run.cause is not Signal.REQUEST:
            raise ConflictError(f"run {run_id!r} is a {run.cause}: it resumes by itself")
        if not run.scanned:
            raise ConflictError(
                f"run {run_id!r}: not all of its users were stored; begin a new run"
            )
        return run

    async def _move_what_is_left(self, run: str, known: set[str], on_progress: Progress) -> None:
        options = (await self._requests.request(run)).options
        async for page in self._requests.pages(run):
            if self._stopping.is_set():
                return
            if not page.done:
                await self.move_page(
                    run, page, options, known, mode=self._mode, on_progress=on_progress
                )

    async def move_page(
        self,
        run: str,
        page: RequestPage,
        options: MoveOptions,
        known: set[str],
        *,
        mode: Mode | None,
        again: bool = False,
        patience: float | None = None,
        on_progress: Progress = lambda _: None,
    ) -> None:
        """Move the users of one page, except for those `known` to have a result in the run.

        again: others may have one, too, and are asked for. patience: seconds in which all of them have room.
        TransientError: Graph did not answer about some; BusyError, StorageError: not everybody has a result.
        The others have theirs: an error stops nobody who was begun.
        """
        until = None if patience is None else self._clock.monotonic() + patience
        users, unanswered = await self._look_up(run, page.names, known, on_progress)
        if again:
            done = {each.user_id for each in await self._runs.results_of(run, list(users))}
            users = {user: name for user, name in users.items() if user not in done}
        if page.own_numbers:
            own = {
                user: page.own_numbers[name]
                for user, name in users.items()
                if name in page.own_numbers
            }
            if own:
                await self._requests.save_own_numbers(run, own)
            options = replace(options, own_numbers=own)
        errors: list[AcpError] = []

        async def move(some: Sequence[str]) -> None:
            if errors or self._stopping.is_set():
                return
            message = MoveMessage(Signal.REQUEST, tuple(some), run, mode=mode)
            left = None if until is None else max(0.0, until - self._clock.monotonic())
            try:
                results = await self._mover.move(message, options, left)
            except AcpError as error:
                errors.append(error)
                return
            known.update(result.user_id.lower() for result in results)
            on_progress(results)

        parts = batched(users, USERS_PER_MESSAGE, strict=False)
        await gather_bounded(map(move, parts), _MESSAGES_AT_ONCE)
        if errors:
            raise errors[0]
        if unanswered:
            raise unanswered
        if not self._stopping.is_set():
            await self._requests.mark_done(run, page.number)

    async def _look_up(
        self, run: str, names: Sequence[str], known: set[str], on_progress: Progress
    ) -> tuple[dict[str, str], TransientError | None]:
        """Return the ids of those without a result, each with its name (lower case); who is not found gets
        a result here.

        And the error of those about whom Graph did not answer, if any.
        """
        asked = [name for name in names if name.lower() not in known]
        users: dict[str, str] = {}
        lost: list[UserResult] = []
        unanswered: TransientError | None = None
        for some in batched(asked, USERS_PER_MESSAGE, strict=False):
            found = await self._directory.users(some)
            for name, user in found.items():
                if isinstance(user, DirectoryUser):
                    users.setdefault(user.id, name.lower())
                elif isinstance(user, TransientError):
                    unanswered = user
                else:
                    lost.append(not_assessed(name, user))
        if lost:
            await self._runs.record_results(run, lost, self._clock.now())
            known.update(result.user_id.lower() for result in lost)
            on_progress(lost)
        left = {user: name for user, name in users.items() if user.lower() not in known}
        return left, unanswered
