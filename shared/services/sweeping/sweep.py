"""Sweep: stream all users with their provider (resync) and queue those who are not as they should be.

It repairs what no notification reports: a provider set back by hand, a lost signal. It also saves
the entries of third-party users whom the service may replace automatically on licensing or provisioning
(AutomaticallyReplaceAcpProvider), because afterwards it is too late.

A sweep has two parts. First it reads all pages and stores, page by page, which users it would queue: so
an interrupted sweep resumes from its last page, and a sweep that would replace too many conference IDs
is known before anybody is queued. Then it queues the stored users; of such a sweep, the guard holds each
user whose conference ID would be replaced.

It ends in bounded time: it stops by itself well before the host would stop it, and resumes a minute
later; it is given up when it makes no progress; one that failed is begun again, after pauses that grow.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Action
from shared.domain.guard import GuardLimit
from shared.domain.listing import listing_doubt
from shared.domain.messages import move_messages
from shared.domain.retry import RetryPolicy
from shared.domain.run import (
    Mode,
    Run,
    RunState,
    Signal,
    SweepPage,
    SweepRequest,
    new_run_id,
    weaker,
)
from shared.domain.user_ids import UserIds
from shared.errors import (
    AcpError,
    BusyError,
    RetryLaterError,
    ServiceError,
    SettingsError,
    StorageError,
    TransientError,
    UnreadableRowError,
)
from shared.scratch import scratch
from shared.services.ports import Queue, Runs, State, SweepPages
from shared.services.run_changes import change_run
from shared.services.sweeping.reading import SweepReader
from shared.telemetry.events import SweepEnded, SweepSkipped
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, throttled, traced

_LEASE: Final = "sweep"
_SENT_AT_ONCE: Final = 1_000
_TOGETHER: Final = 12
"""Users of a message: less than it has room for, because an instance takes forty of them (host.json), and the
others have none of those."""
_GIVE_UP_AFTER: Final = timedelta(hours=6)
"""A sweep that stored no page for so long is not resumed: its links and its data are stale."""

SLOT: Final = timedelta(minutes=45)
"""How long a sweep reads at a time: less than `functionTimeout` in host.json, which kills the process."""

_LONGEST_PAUSE: Final = timedelta(days=1)

_OPEN: Final = frozenset({RunState.RUNNING, RunState.INTERRUPTED})


class Sweeper:
    """Runs sweeps, one at a time across all instances.

    limit: when whoever of a sweep would lose a conference ID is held; None: never (a report moves nobody).
    """

    def __init__(
        self,
        *,
        reader: SweepReader,
        runs: Runs,
        pages: SweepPages,
        state: State,
        queue: Queue,
        limit: GuardLimit | None,
        mode: Mode,
        policy: RetryPolicy,
        lease: timedelta,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._reader = reader
        self._runs = runs
        self._pages = pages
        self._state = state
        self._queue = queue
        self._limit = limit
        self._mode = mode
        self._policy = policy
        self._lease = lease
        self._clock = clock
        self._log = log
        self._owner = secrets.token_hex(8)
        self._busy = asyncio.Lock()
        self._renewed = datetime.min.replace(tzinfo=UTC)

    async def sweep(self) -> Run | None:
        """Resume the unfinished sweep or begin one; return it, or None while another is running.

        Counts: `users` seen, `licensed`, one per decision, `queued`, `saved` entries, `unreadable`,
        `unlisted` (licensed, but Teams does not list them). An error of a service or of the storage
        is raised; after a transient one the sweep resumes from its last page at a later `resume`.
        """
        return await self._alone(begin=True, at_once=True)

    async def resume(self) -> Run | None:
        """Resume an unfinished sweep, or begin a requested one; else return None."""
        request = await self._state.sweep_request()
        begin = request is not None and self._is_due(request.not_before)
        if not begin and await self._unfinished() is None:
            return None
        return await self._alone(begin=begin, at_once=False)

    @traced
    async def _alone(self, *, begin: bool, at_once: bool) -> Run | None:
        # The lease keeps other processes out; the other timer of this one must not join in either.
        if self._busy.locked():
            self._log.write(SweepSkipped(reason="this instance is sweeping"))
            return None
        async with self._busy:
            return await self._under_lease(begin=begin, at_once=at_once)

    async def _under_lease(self, *, begin: bool, at_once: bool) -> Run | None:
        now = self._clock.now()
        if not await self._state.acquire(_LEASE, self._owner, now, self._lease):
            self._log.write(SweepSkipped(reason="another instance is sweeping"))
            return None
        try:
            # Who asks for a sweep resumes one that pauses: a second one would leave it open for ever.
            run = await self._unfinished(paused=True)
            if run is None:
                return await self._proceed(await self._begin()) if begin else None
            if not at_once and not self._is_due(run.not_before):
                return None
            return await self._proceed(run)
        finally:
            await self._state.release(_LEASE, self._owner, self._clock.now())

    async def _keep_lease(self) -> None:
        now = self._clock.now()
        if not await self._state.acquire(_LEASE, self._owner, now, self._lease, renew=True):
            raise BusyError("another instance took the sweep over")
        self._renewed = now

    async def _keep_lease_in_time(self) -> None:
        """Renew the lease when a third of it is over: before that nobody can have taken it."""
        if not timedelta(0) <= self._clock.now() - self._renewed < self._lease / 3:
            await self._keep_lease()

    async def _begin(self) -> Run:
        now = self._clock.now()
        name = new_run_id(Signal.SWEEP, now)
        run = Run(name, Signal.SWEEP, RunState.RUNNING, now, mode=self._mode)
        # In this order: after a crash in between, nothing is left open that nobody knows of.
        await self._keep_lease()
        await self._state.save_current_sweep(run.id, await self._state.current_sweep())
        run = await self._runs.save_run(run)
        if request := await self._state.sweep_request():
            await self._state.save_sweep_request(replace(request, run=run.id), request)
        return run

    async def _unfinished(self, *, paused: bool = False) -> Run | None:
        """Return the run to resume, or None. paused: also one that pauses."""
        current = await self._state.current_sweep()
        try:
            run = await self._runs.find_run(current) if current else None
        except UnreadableRowError:
            return None  # reported; what it would have queued another sweep finds
        if run is None or run.state not in _OPEN:
            return None
        return run if paused or self._is_due(run.not_before) else None

    def _is_due(self, not_before: datetime | None) -> bool:
        return not_before is None or self._clock.now() >= not_before

    async def _proceed(self, run: Run) -> Run:
        now = self._clock.now()
        if now - (run.progressed_at or run.started_at) > _GIVE_UP_AFTER:
            await self._end(run, RunState.FAILED, f"no progress for hours; {run.reason}")
            run = await self._begin()
        try:
            if not run.scanned:
                run = await self._reader.read(run, self._keep_lease_in_time, now + SLOT)
            if not run.scanned:
                return run  # the next `resume` reads on
            await self._state.save_licensed(run.counts.get("licensed", 0))
            reason = self._limit.holds_sweep(run.counts) if self._limit else None
            if reason:
                # Before the users are queued: the guard reads it, and those who need no more than
                # another look get it.
                run = await self._runs.save_run(replace(run, holds=True, reason=reason))
            run = await self._send(run)
            if run.counts["queued"]:
                await self._state.add_open_run(run.id)
            ended = RunState.MOVING if run.counts["queued"] else RunState.FINISHED
            state = RunState.HELD if reason else ended
            return await self._end(run, state, reason or listing_doubt(run.counts))
        except BusyError:
            found = await self._runs.find_run(run.id)
            if found and found.state is RunState.CANCELLED:
                return found
            raise  # the run is somebody else's now
        except UnreadableRowError as error:
            await self._fail(run, error)
            raise
        except (TransientError, StorageError) as error:
            pause = error.seconds if isinstance(error, RetryLaterError) else 0.0
            await self._interrupt(run.id, str(error), pause)
            raise
        except (ServiceError, SettingsError) as error:
            # An error that resuming cannot fix (a missing role, a refused link) ends the run.
            await self._fail(run, error)
            raise
        except Exception as error:
            await self._interrupt(run.id, f"unexpected {type(error).__name__}")
            raise

    async def _send(self, run: Run) -> Run:
        """Queue the users of every page that is not marked as sent, in full messages; mark the pages.

        Who is on two pages, as one who needs attention may be, counts once.
        """
        queued = UserIds(scratch())
        pages: list[SweepPage] = []
        async for page in self._pages.pages(run.id):
            queued.add(page.to_queue)
            if page.to_queue and not page.sent:
                pages.append(page)
            if sum(len(page.to_queue) for page in pages) >= _SENT_AT_ONCE:
                await self._send_pages(run, pages)
                pages = []
        await self._send_pages(run, pages)
        queued.complete()
        return replace(run, counts={**run.counts, "queued": len(queued)})

    async def _send_pages(self, run: Run, pages: Sequence[SweepPage]) -> None:
        await self._keep_lease()
        users = (user for page in pages for user in page.to_queue)
        messages = move_messages(
            Signal.SWEEP,
            users,
            mode=weaker(self._mode, run.mode),
            run=run.id,
            operation=current_id(),
            together=_TOGETHER,
        )
        await self._queue.send(list(messages))
        for page in pages:
            await self._pages.mark_sent(run.id, page.number)

    async def _interrupt(self, run_id: str, reason: str, pause: float = 0.0) -> None:
        """Record why the run stops and when it resumes; the pauses grow as for waiting users.

        pause: seconds that the service asked to wait.
        """
        with suppress(AcpError):  # the first error is the one to raise; the row may lag behind it
            await self._keep_lease()
            run = await self._runs.find_run(run_id)
            if run is not None:
                await change_run(self._runs, run, lambda it: self._interrupted(it, reason, pause))

    def _interrupted(self, run: Run, reason: str, pause: float) -> Run | None:
        if run.state not in _OPEN:
            return None  # it has ended; what was to be cleaned after it the janitor cleans
        count = run.interruptions + 1
        return replace(
            run,
            state=RunState.INTERRUPTED,
            reason=reason,
            interruptions=count,
            not_before=self._clock.now() + self._pause(count, pause),
        )

    def _pause(self, count: int, asked: float = 0.0) -> timedelta:
        """Return the pause after so many failures in a row, or what a service asked for if it is longer.

        A sweep is dear: each failure doubles the pause twice.
        """
        asked = min(_LONGEST_PAUSE.total_seconds(), asked)
        grown = self._policy.pace.pause(timedelta(0), failures=2 * (count - 1))
        return max(grown, timedelta(seconds=asked))

    async def _fail(self, run: Run, error: AcpError) -> None:
        """End a run that cannot be resumed; the next one begins after a pause, not tomorrow."""
        with suppress(UnreadableRowError):
            run = await self._runs.find_run(run.id) or run
        if run.state is not RunState.CANCELLED:
            await self._end(run, RunState.FAILED, str(error))

    async def _end(self, run: Run, state: RunState, reason: str) -> Run:
        """End a run in a state, unless it is no longer ours. BusyError: it is not."""
        await self._keep_lease()
        now = self._clock.now()
        if state is RunState.FAILED:
            await self._request_another(
                run, now
            )  # first: after a crash in between, none is missing
        run = await self._runs.save_run(replace(run, state=state, reason=reason, finished_at=now))
        request = await self._state.sweep_request()
        if state is not RunState.FAILED and request and request.run == run.id:
            await self._state.save_sweep_request(None, request)
        if await self._state.current_sweep() == run.id:
            await self._state.save_current_sweep(None, run.id)
        await self._pages.delete(run.id)
        self._log.write(_ended(run))
        return run

    async def _request_another(self, run: Run, now: datetime) -> None:
        """Request a sweep in place of one that fails: the more of them in a row, the later."""
        request = await self._state.sweep_request()
        failures = (request.failures if request else 0) + 1
        again = SweepRequest(run.id, failures, now + self._pause(failures))
        await self._state.save_sweep_request(again, request)


def _ended(run: Run) -> SweepEnded:
    counts = run.counts.get
    replace_, enable = counts(Action.REPLACE, 0), counts(Action.ENABLE, 0)
    took = (run.finished_at or run.started_at) - run.started_at
    return SweepEnded(
        run=run.id,
        state=RunState.FINISHED if run.state is RunState.MOVING else run.state,
        reason=run.reason or None,
        users=counts("users", 0),
        licensed=counts("licensed", 0),
        ready=replace_ + enable,
        queued=counts("queued", 0),
        already=counts(Action.ALREADY, 0) + counts(Action.SET_NUMBER, 0),
        change_bridge=counts(Action.CHANGE_BRIDGE, 0),
        waiting=counts(Action.WAIT, 0),
        unlicensed=counts(Action.UNLICENSED, 0),
        excluded=counts(Action.EXCLUDED, 0),
        attention=counts("attention", 0),
        saved=counts("saved", 0),
        unreadable=counts("unreadable", 0),
        unlisted=counts("unlisted", 0),
        outside_pilot=counts("outside_pilot", 0),
        throttled=throttled(),
        duration_ms=round(1000 * took.total_seconds()),
    )
