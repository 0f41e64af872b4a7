"""Requests to the deployed app: accepted at once, carried out page by page.

Each page of at most 100 users is a queue message, so that the instances share a large run and
a page that fails is delivered again. Page 0 finds the users of a provider.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import batched
from typing import Final

from shared.clock import Clock
from shared.domain.messages import PageMessage
from shared.domain.move_request import NAMES_PER_PAGE, MoveRequest, RequestPage, count_users
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.progress import done, expected
from shared.domain.run import Mode, Run, RunState, Signal, new_run_id, weaker
from shared.errors import (
    BusyError,
    ConflictError,
    RetryLaterError,
    RowRefusedError,
    StorageError,
    TransientError,
    UnreadableRowError,
)
from shared.services.move_requests.carry_out import MoveRunner
from shared.services.moving.batch import PATIENCE
from shared.services.moving.preview import Previewer
from shared.services.ports import MoveRequests, Queue, Runs
from shared.services.run_changes import change_run, existing_run
from shared.services.sweeping.finding import Finder
from shared.telemetry.events import PagePostponed
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, operation

_MESSAGES_AT_ONCE: Final = 500

_CLAIM: Final = timedelta(minutes=10)
"""How long a page belongs to whoever began it, unless it is given up before."""

_NOT_QUEUED: Final = (
    "not all of it was queued; send the request again, with its Idempotency-Key if it had one"
)
"""What a run says until all of its pages are queued, and for good if that never happens."""

_RETRY_SECONDS: Final = 60.0
"""Delay of a page when a service did not answer; longer if the service says so."""


class QueuedMoveRequests:
    """Accepts requests, and carries them out page by page."""

    def __init__(
        self,
        *,
        runner: MoveRunner,
        previewer: Previewer,
        finder: Finder,
        requests: MoveRequests,
        runs: Runs,
        queue: Queue,
        mode: Mode,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._runner = runner
        self._previewer = previewer
        self._finder = finder
        self._requests = requests
        self._runs = runs
        self._queue = queue
        self._mode = mode
        self._clock = clock
        self._log = log

    async def accept(
        self, request: MoveRequest, key: str | None, by: RequestedBy | None = None
    ) -> Run:
        """Begin a run over a validated request; the same key again returns the same run.

        by: who asked for it, if a person is known.
        ConflictError: the key was sent with another request.
        """
        run = await self._new_run(request, key, by)
        known = await self._runs.find_run(run.id)
        if known is not None and (known.scanned or known.state is RunState.CANCELLED):
            return known
        # A repeated request with the same key finishes the job after a failure in between.
        await self._requests.save_request(run.id, request)
        if request.users is None:
            await self._requests.save_page(run.id, RequestPage(0, ()))
            pages = range(1)
        else:
            own = request.options.own_numbers
            count = await self._runner.write_pages(run.id, request.users, own_numbers=own)
            counts = count_users(request.named or count, count)
            run = replace(run, counts=counts, scanned=True)
            pages = range(1, -(-count // NAMES_PER_PAGE) + 1)
        # The pages are written before they are queued: whoever carries the last one out ends the run.
        begun = await self._begin(run)
        if begun.scanned or begun.state is RunState.CANCELLED:
            return begun
        await self._send(run.id, pages, again=known is not None)

        def queued(it: Run) -> Run | None:
            done = it.scanned or it.reason != _NOT_QUEUED
            return None if done else replace(run, mode=it.mode, revision=it.revision)

        return await change_run(self._runs, begun, queued)

    async def _begin(self, run: Run) -> Run:
        """Write a run as begun, in the weaker mode if it was before; return it as it is then."""
        begun = replace(run, state=RunState.INTERRUPTED, reason=_NOT_QUEUED, scanned=False)

        def begin(it: Run) -> Run | None:
            if not it.revision:
                return begun
            mode = weaker(it.mode, self._mode)
            stays = it.scanned or it.state is RunState.CANCELLED
            return None if stays else replace(begun, mode=mode, revision=it.revision)

        return await change_run(self._runs, begun, begin)

    async def send_left(self, run: Run) -> None:
        """Queue every page of a run that is left: a page that is queued already is carried out once."""
        pages = [page.number async for page in self._requests.pages(run.id) if not page.done]
        await self._send(run.id, pages, again=True)

    async def work(self, message: PageMessage, *, again: bool) -> None:
        """Carry out one page, once. again: the message came before; who has a result is left out.

        A page that somebody else is carrying out, or that a service or a table keeps from being carried
        out, comes again later, however long that takes. Another error is raised.
        """
        with operation(message.operation):
            try:
                await self._work(message, again=again)
            except (UnreadableRowError, RowRefusedError):
                raise
            except StorageError as error:
                await self._postpone(message, str(error), 0.0)

    async def _work(self, message: PageMessage, *, again: bool) -> None:
        run = await existing_run(self._runs, message.run)
        if run.mode is Mode.MOVE and self._mode is Mode.REPORT:
            # What comes of it from here on was queued by an app in report mode.
            run = await change_run(self._runs, run, lambda it: replace(it, mode=Mode.REPORT))
        now = self._clock.now()
        until = now + _CLAIM
        try:
            page = await self._requests.claim_page(run.id, message.page, now, until)
        except BusyError as error:
            await self._postpone(message, str(error), _CLAIM.total_seconds())
            return
        if page:
            try:
                if page.number == 0:
                    await self._find_users(run)
                else:
                    await self._carry_out(run, page, again=again or message.again)
            except (TransientError, BusyError) as error:
                pause = error.seconds if isinstance(error, RetryLaterError) else 0.0
                await self._requests.give_up_page(run.id, page.number, until)
                await self._postpone(message, str(error), pause)
                return
            except BaseException:
                await self._requests.give_up_page(run.id, page.number, until)
                raise
        run = await self._runs.find_run(run.id) or run
        if _is_under_way(run) and not await self._requests.is_left(run.id):
            await self._runner.refresh_state(run)

    async def _new_run(self, request: MoveRequest, key: str | None, by: RequestedBy | None) -> Run:
        now = self._clock.now()
        signal = Signal.PREVIEW if request.dry_run else Signal.REQUEST
        name = new_run_id(signal, now)
        if key is not None:
            name = await self._requests.run_of(f"{signal}/{key}", name, request.fingerprint)
        by_name = request.named > 0
        run = Run(name, signal, RunState.RUNNING, now, mode=self._mode, by_name=by_name)
        return replace(run, requested_by=str(by), ticket=by.ticket, note=by.note) if by else run

    async def _find_users(self, run: Run) -> None:
        if run.state is RunState.CANCELLED:
            await self._requests.mark_done(run.id, 0)
            return
        request = await self._requests.request(run.id)
        found = [user.user_id async for user in self._finder.on_third_party(request.provider)]
        # An attempt before this one may have written pages, or one meanwhile, for a listing may outlast a
        # claim: nobody on them may be lost or come twice, though others are on the provider by now.
        pages = [page async for page in self._requests.pages(run.id)]
        written = {name for page in pages for name in page.names}
        names = [user for user in found if user not in written]
        last = max(page.number for page in pages)
        count = await self._runner.write_pages(run.id, names, after=last)
        last += -(-count // NAMES_PER_PAGE)
        await self._send(run.id, range(1, last + 1), again=bool(written))
        users = len(written) + count
        counts = {"users": users}

        def queued(it: Run) -> Run:
            if it.state is RunState.CANCELLED:
                return replace(it, counts=counts, scanned=True)
            return replace(it, state=RunState.RUNNING, reason="", counts=counts, scanned=True)

        await change_run(self._runs, run, queued)
        await self._requests.mark_done(run.id, 0)

    async def _carry_out(self, run: Run, page: RequestPage, *, again: bool) -> None:
        options = (await self._requests.request(run.id)).options
        if run.cause is Signal.REQUEST:
            await self._runner.move_page(
                run.id, page, options, set(), mode=run.mode, again=again, patience=PATIENCE
            )
            return
        if run.cause is not Signal.PREVIEW:
            raise ConflictError(f"run {run.id!r} is a {run.cause}: it has no pages to carry out")
        names = page.names
        if again:
            known = {each.user_id for each in await self._runs.results_of(run.id, names)}
            names = [name for name in names if name not in known]
        options = replace(options, own_numbers=page.own_numbers)
        if run.state is RunState.CANCELLED:
            results = [UserResult(name, Outcome.CANCELLED, run.reason, name) for name in names]
        else:
            results = [result async for result in self._previewer.preview(names, options)]
        if results:
            await self._runs.record_results(run.id, results, self._clock.now())
        await self._requests.mark_done(run.id, page.number)

    async def _postpone(self, message: PageMessage, reason: str, pause: float) -> None:
        """Let the page come again later: that a service does not answer is no defect of the page."""
        later = replace(message, again=True)
        await self._queue.send([later], delay=max(_RETRY_SECONDS, pause))
        self._log.write(PagePostponed(run=message.run, reason=reason))

    async def _send(self, run: str, pages: Sequence[int], *, again: bool = False) -> None:
        operation_id = current_id()
        for some in batched(pages, _MESSAGES_AT_ONCE, strict=False):
            await self._queue.send([PageMessage(run, page, again, operation_id) for page in some])


def _is_under_way(run: Run) -> bool:
    """Return whether the run has to be counted when no page is left; each late duplicate of one asks."""
    if run.state is RunState.CANCELLED:
        return not run.scanned or done(run) < expected(run)
    return run.state in (RunState.RUNNING, RunState.INTERRUPTED)
