"""Runs that people ask the deployed app for: written down at once, carried out page by page.

Each page of at most 100 users is a queue message, so that a large run is shared by the instances and
a page that fails comes again. Page 0 finds out who is on a provider.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import batched
from typing import Final, Protocol

from shared.clock import Clock
from shared.errors import PausedError, StateError, TransientError, UnknownError
from shared.events import PagePostponed
from shared.log import EventLog
from shared.operation import current_id, operation
from shared.services.finding import Finder
from shared.services.ports import Queue, Requests, Runs
from shared.services.previewing import Previewer
from shared.services.requesting import CAUSE, Requester
from shared.storage.messages import PageMessage
from shared.storage.requests import NAMES_PER_PAGE, RequestPage, Wish
from shared.storage.runs import Run, RunState, new_run_id

PREVIEW: Final = "preview"
"""The cause of a dry run: its results say what would happen."""

_MESSAGES_AT_ONCE: Final = 500

_LOOK_AGAIN_SECONDS: Final = 60.0
"""How long a page waits when a service did not answer; longer where the service says so."""


class Selections(Requests, Protocol):
    """The table of requests, with what only the app asks of it."""

    async def page(self, run: str, number: int) -> RequestPage | None:
        """Return one page, or None."""
        ...

    async def is_left(self, run: str) -> bool:
        """Return whether a page of the run is not done."""
        ...

    async def run_of(self, key: str, run: str, asked: str) -> str:
        """Return the run that a key stands for; StateError: it came with something else."""
        ...


class QueuedRequests:
    """Takes requests in, and carries them out page by page."""

    def __init__(
        self,
        *,
        requester: Requester,
        previewer: Previewer,
        finder: Finder,
        requests: Selections,
        runs: Runs,
        queue: Queue,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._requester = requester
        self._previewer = previewer
        self._finder = finder
        self._requests = requests
        self._runs = runs
        self._queue = queue
        self._clock = clock
        self._log = log

    async def accept_users(
        self, names: Sequence[str], wish: Wish, *, dry_run: bool, key: str | None
    ) -> Run:
        """Begin a run over named users; the same key again answers with the same run."""
        run = await self._new_run(f"{wish} {json.dumps(names)}", dry_run=dry_run, key=key)
        known = await self._runs.get(run.id)
        if known is not None and known.scanned:
            return known
        await self._requests.put_wish(run.id, wish)
        count = await self._requester.write_pages(run.id, names)
        run = replace(run, counts={"users": count})
        # The pages are written before they are queued, and the run is complete only after both: who
        # asks again with the same key after a failure in between finishes the job.
        await self._runs.put(run)
        pages = range(1, -(-count // NAMES_PER_PAGE) + 1)
        await self._send(run.id, pages, again=known is not None)
        run = replace(run, scanned=True)
        await self._runs.put(run)
        await self._finish_if_done(run)
        return run

    async def accept_provider(self, wish: Wish, *, dry_run: bool, key: str | None) -> Run:
        """Begin a run over everybody on the wish's third-party provider (None: on any)."""
        run = await self._new_run(str(wish), dry_run=dry_run, key=key)
        known = await self._runs.get(run.id)
        if known is not None and known.scanned:
            return known
        if known is None:
            await self._requests.put_wish(run.id, wish)
            await self._runs.put(run)
        # After a failure in between, who asks again with the same key finishes the job.
        await self._send(run.id, [0])
        return run

    async def work(self, message: PageMessage, *, again: bool) -> None:
        """Carry out one page. again: the message came before; who has a result is left out.

        An error is raised, and the message comes again.
        """
        with operation(message.operation):
            await self._work(message, again=again)

    async def _work(self, message: PageMessage, *, again: bool) -> None:
        run = await self._runs.get(message.run)
        if run is None:
            raise UnknownError(f"run {message.run!r}: there is no such run")
        if message.page == 0:
            if not run.scanned:
                await self._find_users(run)
        elif (page := await self._requests.page(run.id, message.page)) and not page.done:
            try:
                await self._carry_out(run, page, again=again or message.again)
            except TransientError as error:
                await self._postpone(message, error)
                return
        run = await self._runs.get(run.id) or run
        if run.scanned:
            await self._finish_if_done(run)

    async def _new_run(self, asked: str, *, dry_run: bool, key: str | None) -> Run:
        now = self._clock.now()
        cause = PREVIEW if dry_run else CAUSE
        name = new_run_id(cause, now)
        if key is not None:
            name = await self._requests.run_of(f"{cause}/{key}", name, asked)
        return Run(name, cause, RunState.RUNNING, now)

    async def _find_users(self, run: Run) -> None:
        wish = await self._requests.wish(run.id)
        names = [found.user_id async for found in self._finder.on_third_party(wish.provider)]
        count = await self._requester.write_pages(run.id, names)
        await self._send(run.id, range(1, -(-count // NAMES_PER_PAGE) + 1))
        await self._runs.put(replace(run, counts={"users": count}, scanned=True))

    async def _carry_out(self, run: Run, page: RequestPage, *, again: bool) -> None:
        known: set[str] = set()
        if again:
            known = {result.user_id.lower() async for result in self._runs.results(run.id)}
        options = (await self._requests.wish(run.id)).options
        if run.cause == CAUSE:
            await self._requester.move_page(run.id, page, options, known)
            return
        if run.cause != PREVIEW:
            raise StateError(f"run {run.id!r} is a {run.cause}: it has no pages to carry out")
        names = [name for name in page.names if name.lower() not in known]
        previews = self._previewer.preview(names, options)
        # Who is named twice, by id and by address, has one result.
        results = {result.user_id: result async for result in previews}
        if results:
            await self._runs.record(run.id, list(results.values()), self._clock.now())
        await self._requests.mark_done(run.id, page.number)

    async def _finish_if_done(self, run: Run) -> None:
        if not await self._requests.is_left(run.id):
            await self._requester.take_stock(run)

    async def _postpone(self, message: PageMessage, error: TransientError) -> None:
        """Let the page come again later: that a service does not answer is no defect of the page."""
        pause = error.seconds if isinstance(error, PausedError) else 0.0
        later = message.model_copy(update={"again": True})
        await self._queue.send([later.encode()], delay=max(_LOOK_AGAIN_SECONDS, pause))
        self._log.write(PagePostponed(run=message.run, reason=str(error)))

    async def _send(self, run: str, pages: Sequence[int], *, again: bool = False) -> None:
        operation_id = current_id()
        for some in batched(pages, _MESSAGES_AT_ONCE, strict=False):
            texts = [
                PageMessage(run=run, page=page, operation=operation_id, again=again)
                for page in some
            ]
            await self._queue.send([text.encode() for text in texts])
