"""The sweep: streams every user with the provider and queues those who are not as they should be.

It repairs what no notification tells of: a provider set back by hand, a lost signal. It also saves
the entries of third-party users who are not licensed yet, because a tenant may be set to replace
their provider by itself on licensing (AutomaticallyReplaceAcpProvider), and then it is too late.

A sweep has two parts. First it reads all pages and writes down, page by page, whom it would queue:
so a killed sweep goes on from its last page, and a sweep that would move too many users is held
before it did anything. Then it queues what it wrote down.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import batched
from typing import Final
from uuid import UUID

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.decision import Action, Rules
from shared.domain.user import ServiceUser
from shared.errors import AcpError, BusyError, InputError, RefusedError
from shared.log import EventLog
from shared.services.ports import (
    Conferencing,
    Directory,
    Plans,
    Queue,
    ReplacedProviders,
    Runs,
    State,
)
from shared.services.scanning import PageScan, scan_page
from shared.storage.messages import messages
from shared.storage.plans import PagePlan
from shared.storage.runs import Run, RunState, new_run_id

CAUSE: Final = "sweep"
_LEASE: Final = "sweep"
_SAVES_IN_FLIGHT: Final = 16
_UNLISTED_PER_PAGE: Final = 1_000
_SENT_AT_ONCE: Final = 1_000
_GIVE_UP_AFTER: Final = timedelta(hours=6)
"""An interrupted sweep older than this is not gone on with: its links and its picture are old."""


@dataclass(frozen=True, slots=True)
class Guard:
    """How many users one sweep may move: `moves` users and `share` (0 to 1) of the licensed ones."""

    moves: int
    share: float

    def holds(self, counts: Counter[str]) -> str | None:
        """Return why a sweep with these counts is held, or None."""
        changes = (Action.REPLACE, Action.ENABLE, Action.SET_NUMBER)
        would_move = sum(counts[str(action)] for action in changes)
        if would_move > self.moves:
            return f"it would move {would_move} users; ACP_SWEEP_MAX_MOVES is {self.moves}"
        if would_move > self.share * counts["licensed"]:
            licensed = counts["licensed"]
            return (
                f"it would move {would_move} of {licensed} licensed users; "
                f"ACP_SWEEP_MAX_SHARE is {self.share:g}"
            )
        return None


class Sweeper:
    """Runs sweeps, one at a time over all instances; memory grows with the licensed ids only."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        runs: Runs,
        plans: Plans,
        state: State,
        queue: Queue,
        rules: Rules,
        guard: Guard,
        lease: timedelta,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._replaced = replaced
        self._runs = runs
        self._plans = plans
        self._state = state
        self._queue = queue
        self._rules = rules
        self._guard = guard
        self._lease = lease
        self._clock = clock
        self._log = log
        self._owner = secrets.token_hex(8)
        self._busy = asyncio.Lock()

    async def sweep(self) -> Run | None:
        """Go on with the unfinished sweep or begin one; return it, or None while another is running.

        Counts: `users` seen, `licensed`, one per decision, `queued`, `saved` entries, `unreadable`,
        `unlisted` (licensed, but Teams does not list them). An error of a service or of the storage
        is raised; the sweep goes on from its last page at the next `resume`.
        """
        return await self._alone(begin=True)

    async def resume(self) -> Run | None:
        """Go on with an unfinished or released sweep, or begin a requested one; else return None."""
        requested = await self._state.sweep_requested()
        if not requested and await self._state.current_sweep() is None:
            return None
        return await self._alone(begin=requested)

    async def release(self, run_id: str) -> Run:
        """Let a held sweep go on: its users are queued at the next `resume`.

        InputError: there is no such run, or it is not held.
        """
        run = await self._runs.get(run_id)
        if run is None:
            raise InputError(f"run {run_id!r}: there is no such run")
        if run.state is not RunState.HELD:
            raise InputError(
                f"run {run_id!r} is {run.state}, not held; only a held run is released"
            )
        run = replace(run, state=RunState.RELEASED)
        await self._runs.put(run)
        await self._state.put_current_sweep(run.id)
        return run

    async def _alone(self, *, begin: bool) -> Run | None:
        # The lease keeps other processes out; the other timer of this one must not join in either.
        if self._busy.locked():
            self._log.info("sweep_running_already")
            return None
        async with self._busy:
            return await self._under_lease(begin=begin)

    async def _under_lease(self, *, begin: bool) -> Run | None:
        try:
            await self._hold_lease()
        except BusyError:
            self._log.info("sweep_running_elsewhere")
            return None
        try:
            run = await self._unfinished()
            if run is None and not begin:
                return None
            return await self._go_on(run or await self._begin())
        finally:
            await self._state.release(_LEASE, self._owner, self._clock.now())

    async def _hold_lease(self) -> None:
        if not await self._state.acquire(_LEASE, self._owner, self._clock.now(), self._lease):
            raise BusyError("another instance is sweeping")

    async def _begin(self) -> Run:
        now = self._clock.now()
        run = Run(new_run_id(CAUSE, now), CAUSE, RunState.RUNNING, now)
        await self._runs.put(run)
        await self._state.put_current_sweep(run.id)
        await self._state.request_sweep(False)
        return run

    async def _unfinished(self) -> Run | None:
        current = await self._state.current_sweep()
        run = await self._runs.get(current) if current else None
        if run is None or run.state in (RunState.HELD, RunState.FINISHED, RunState.FAILED):
            return None
        if (
            run.state is not RunState.RELEASED
            and self._clock.now() - run.started_at > _GIVE_UP_AFTER
        ):
            await self._end(run, RunState.FAILED, f"not finished in time; {run.reason}")
            return None
        return run

    async def _go_on(self, run: Run) -> Run:
        counts = Counter(run.counts)
        try:
            if not run.scanned:
                run = await self._scan(run, counts)
            reason = self._guard.holds(counts)
            if reason and run.state is not RunState.RELEASED:
                return await self._end(run, RunState.HELD, reason)
            await self._send(run, counts)
        except BusyError:
            raise
        except AcpError as error:
            # A link that the service refuses does not get better: the next sweep begins anew.
            state = RunState.FAILED if isinstance(error, RefusedError) else RunState.INTERRUPTED
            await self._interrupt(run, state, str(error))
            raise
        return await self._end(replace(run, counts=dict(counts)), RunState.FINISHED, run.reason)

    async def _scan(self, run: Run, counts: Counter[str]) -> Run:
        licensed = await _collect(self._directory.licensed_ids())
        rooms = await _collect(self._directory.room_ids())
        counts["licensed"] = len(licensed)
        unlisted = set(licensed) if self._rules.include_rooms else licensed - rooms
        async for done in self._plans.pages(run.id):
            if done.number <= run.page:
                unlisted.difference_update(UUID(user).bytes for user in done.licensed)
        if run.page == 0 or run.next_link:
            async for page in self._conferencing.pages(run.next_link):
                found = scan_page(page, licensed, rooms, self._rules)
                unlisted.difference_update(UUID(user).bytes for user in found.licensed)
                run = await self._write_down(run, found, page.next_link, counts)
        return await self._write_down_unlisted(run, unlisted, counts)

    async def _write_down(
        self, run: Run, found: PageScan, next_link: str | None, counts: Counter[str]
    ) -> Run:
        await self._hold_lease()
        for user_id, reason in found.unreadable:
            self._log.warning("unreadable", user=self._log.who(user_id), reason=reason)
        saved = await self._save(found.to_save)
        run = replace(run, page=run.page + 1, next_link=next_link, state=RunState.RUNNING)
        await self._plans.put(run.id, PagePlan(run.page, found.licensed, found.to_queue))
        counts.update(found.counts)
        counts["saved"] += saved
        run = replace(run, counts=dict(counts))
        await self._runs.put(run)
        return run

    async def _write_down_unlisted(
        self, run: Run, unlisted: set[bytes], counts: Counter[str]
    ) -> Run:
        """Licensed, but Teams does not list them: the mover decides, and remembers them as waiting."""
        for number, some in enumerate(batched(sorted(unlisted), _UNLISTED_PER_PAGE, strict=False)):
            users = [str(UUID(bytes=key)) for key in some]
            await self._plans.put(run.id, PagePlan(run.page + 1 + number, users, users))
        counts["unlisted"] = len(unlisted)
        run = replace(run, scanned=True, counts=dict(counts))
        await self._runs.put(run)
        return run

    async def _save(self, users: list[ServiceUser]) -> int:
        saves = (self._replaced.save(user, self._clock.now()) for user in users)
        return sum(await gather_bounded(saves, _SAVES_IN_FLIGHT))

    async def _send(self, run: Run, counts: Counter[str]) -> None:
        """Queue the users of every page that is not marked as sent, in full messages; mark the pages."""
        counts["queued"] = 0
        pages: list[PagePlan] = []
        async for page in self._plans.pages(run.id):
            counts["queued"] += len(page.to_queue)
            if page.to_queue and not page.sent:
                pages.append(page)
            if sum(len(page.to_queue) for page in pages) >= _SENT_AT_ONCE:
                await self._send_pages(run, pages)
                pages = []
        await self._send_pages(run, pages)

    async def _send_pages(self, run: Run, pages: Sequence[PagePlan]) -> None:
        await self._hold_lease()
        users = (user for page in pages for user in page.to_queue)
        await self._queue.send(list(messages(CAUSE, users, run.id)))
        for page in pages:
            await self._plans.mark_sent(run.id, page.number)

    async def _interrupt(self, run: Run, state: RunState, reason: str) -> None:
        with suppress(AcpError):  # the first error is the one to raise; the row may lag behind it
            known = await self._runs.get(run.id) or run
            if state is RunState.FAILED:
                await self._end(known, state, reason)
            else:
                await self._runs.put(replace(known, state=state, reason=reason))

    async def _end(self, run: Run, state: RunState, reason: str) -> Run:
        run = replace(run, state=state, reason=reason, finished_at=self._clock.now())
        await self._runs.put(run)
        await self._state.put_current_sweep(None)
        self._log.info("sweep", run=run.id, state=state, reason=reason, **run.counts)
        return run


async def _collect(pages: AsyncIterator[list[str]]) -> set[bytes]:
    ids: set[bytes] = set()
    async for page in pages:
        ids.update(UUID(user).bytes for user in page)
    return ids
