"""The reading half of a sweep: streams all users and writes down, page by page, whom to queue."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import batched
from typing import Final
from uuid import UUID

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.decision import Rules
from shared.domain.user import ServiceUser
from shared.errors import TooLargeError
from shared.events import Unreadable, Unsaveable
from shared.log import EventLog
from shared.services.memberships import read_memberships
from shared.services.ports import (
    Conferencing,
    Directory,
    Plans,
    ReplacedProviders,
    Runs,
    WaitingUsers,
)
from shared.services.scanning import PageScan, scan_page
from shared.storage.plans import PagePlan
from shared.storage.runs import Run, RunState

_SAVES_IN_FLIGHT: Final = 16
_UNLISTED_PER_PAGE: Final = 1_000


class SweepReader:
    """Reads a sweep's pages; memory grows with the licensed ids only (16 bytes each, in a set)."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        waiting: WaitingUsers,
        runs: Runs,
        plans: Plans,
        rules: Rules,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._replaced = replaced
        self._waiting = waiting
        self._runs = runs
        self._plans = plans
        self._rules = rules
        self._clock = clock
        self._log = log

    async def read(self, run: Run, keep_lease: Callable[[], Awaitable[None]]) -> Run:
        """Read what is left to read; return the run with all pages written down.

        keep_lease: called before each step; raises BusyError when another instance took over.
        """
        listing = self._directory.licensed_ids(rooms=self._rules.include_rooms)
        licensed = await _collect(listing, keep_lease)
        groups = await read_memberships(self._directory, self._rules.groups, keep_lease)
        run = replace(run, counts={**run.counts, "licensed": len(licensed)})
        unlisted = set(licensed)
        async for done in self._plans.pages(run.id):
            if done.number <= run.page:
                unlisted.difference_update(UUID(user).bytes for user in done.licensed)
        if run.page == 0 or run.next_link:
            async for page in self._conferencing.pages(run.next_link):
                found = scan_page(page, licensed, groups, self._rules)
                unlisted.difference_update(UUID(user).bytes for user in found.licensed)
                await keep_lease()
                run = await self._write_down(run, found, page.next_link)
        return await self._write_down_the_rest(run, unlisted)

    async def _write_down(self, run: Run, found: PageScan, next_link: str | None) -> Run:
        for user_id, reason in found.unreadable:
            self._log.write(Unreadable(user=self._log.who(user_id), reason=reason))
        found.counts["saved"] += await self._save(found.to_save)
        number = run.page + 1
        await self._plans.put(run.id, PagePlan(number, found.licensed, found.to_queue))
        run = replace(
            run,
            page=number,
            next_link=next_link,
            state=RunState.RUNNING,
            interruptions=0,
            counts=dict(Counter(run.counts) + found.counts),
        )
        await self._runs.put(run)
        return run

    async def _write_down_the_rest(self, run: Run, unlisted: set[bytes]) -> Run:
        """Write down whom the pages do not name, so that the mover looks at them too.

        Licensed users whom Teams does not list, and those who need attention: somebody may have
        mended what was wrong.
        """
        attention = {UUID(row.user_id).bytes async for row in self._waiting.attention()}
        rest = sorted(unlisted | attention)
        for number, some in enumerate(
            batched(rest, _UNLISTED_PER_PAGE, strict=False), run.page + 1
        ):
            users = [str(UUID(bytes=key)) for key in some]
            await self._plans.put(run.id, PagePlan(number, users, users))
        counts = {**run.counts, "unlisted": len(unlisted), "attention": len(attention)}
        run = replace(run, scanned=True, counts=counts)
        await self._runs.put(run)
        return run

    async def _save(self, users: list[ServiceUser]) -> int:
        return sum(await gather_bounded((self._save_one(user) for user in users), _SAVES_IN_FLIGHT))

    async def _save_one(self, user: ServiceUser) -> bool:
        try:
            return await self._replaced.save(user, self._clock.now())
        except TooLargeError as error:
            # One user's entries stop nobody else's sweep; the mover refuses to replace them.
            self._log.write(Unsaveable(user=self._log.who(user.id), reason=str(error)))
            return False


async def _collect(
    pages: AsyncIterator[list[str]], keep_lease: Callable[[], Awaitable[None]]
) -> set[bytes]:
    ids: set[bytes] = set()
    async for page in pages:
        await keep_lease()
        ids.update(UUID(user).bytes for user in page)
    return ids
