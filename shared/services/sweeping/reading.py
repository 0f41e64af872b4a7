"""Read phase of a sweep: stream all users and store, page by page, which users to queue."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.bridge_changes import bounded, count_name
from shared.domain.decision import Action
from shared.domain.listing import listing_doubt
from shared.domain.run import Run, RunState, SweepPage
from shared.domain.saved import SavedKeys
from shared.domain.user import ServiceUser
from shared.errors import BusyError, ExpiredError, RowRefusedError, TooLargeError
from shared.services.ports import (
    Conferencing,
    Directory,
    HeldUsers,
    ReplacedProviders,
    RuleSource,
    Runs,
    SweepPages,
    WaitingUsers,
)
from shared.services.sweeping.survey import Survey, SurveyedPage, is_guid, wait_until
from shared.services.upkeep.roster import RosterKeeper
from shared.telemetry.events import (
    ListingBegunAgain,
    ListingDoubtful,
    RuleBroken,
    Unreadable,
    Unsaveable,
)
from shared.telemetry.log import EventLog
from shared.text import packed, unpacked

_SAVES_IN_FLIGHT: Final = 16
_PER_ROW: Final = 1_000
"""Users per stored row, however many a page of the service has: a row has room for some 4,000."""

_TO_QUEUE: Final = frozenset(Action) - {Action.ALREADY, Action.UNLICENSED, Action.EXCLUDED}
_MAY_LOSE: Final = (Action.UNLICENSED, Action.WAIT)
"""Whose third party licensing or provisioning alone may replace."""


@dataclass(slots=True)
class PageFindings:
    """Findings of a page: users to queue, users whose entries to save, counts."""

    licensed: list[str] = field(default_factory=list)
    to_queue: list[str] = field(default_factory=list)
    to_save: list[ServiceUser] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, page: SurveyedPage, held: Mapping[bytes, bool]) -> Self:
        """Return the findings of a page. held: who is on the list of the held, and whether released.

        Who waits for a person is counted but not queued. Whoever needs the change no more is queued: else
        nobody takes the user off that list, and a permission stays.
        """
        found = cls()
        found.counts["users"] = len(page.users)
        for user in page.users:
            action = user.decision.action
            permitted = held.get(packed(user.service.id)) if held else None
            if permitted is False and action.replaces_ids:
                found.counts["held"] += 1
                found.licensed.append(user.service.id)
                continue
            found.counts[action.value] += 1
            if user.beyond_pilot in (Action.REPLACE, Action.ENABLE):
                found.counts["outside_pilot"] += 1
            if action is Action.CHANGE_BRIDGE:
                found.counts[count_name(user.decision.number or "")] += 1
            if user.licensed:
                found.licensed.append(user.service.id)
            if action in _TO_QUEUE or permitted is not None:
                found.to_queue.append(user.service.id)
            if user.service.on_third_party and (
                action in _MAY_LOSE or user.beyond_pilot in _MAY_LOSE
            ):
                found.to_save.append(user.service)
        for user_id, _ in page.faults:
            # The mover tries a user whose fields could not be read, and records what is wrong.
            found.counts["unreadable"] += 1
            if is_guid(user_id):
                found.licensed.append(user_id)
                found.to_queue.append(user_id)
        return found


class SweepReader:
    """Reads a sweep's pages."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        waiting: WaitingUsers,
        runs: Runs,
        pages: SweepPages,
        rules: RuleSource,
        roster: RosterKeeper,
        held: HeldUsers,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._replaced = replaced
        self._waiting = waiting
        self._runs = runs
        self._pages = pages
        self._rules = rules
        self._roster = roster
        self._held = held
        self._clock = clock
        self._log = log

    async def read(
        self, run: Run, keep_lease: Callable[[], Awaitable[None]], until: datetime
    ) -> Run:
        """Read the remaining pages; return the run with all pages stored, or those until then.

        A listing whose next page has expired is read again from its beginning, once; ExpiredError: it
        expired again. keep_lease: called before each step; raises BusyError when another instance took
        over.
        """
        try:
            return await self._read(run, keep_lease, until)
        except ExpiredError as error:
            self._log.write(ListingBegunAgain(run=run.id, reason=str(error)))
        # The run first: what a crash leaves of the pages is written anew, or moves nobody.
        again = await self._runs.find_run(run.id) or run
        if again.state is RunState.CANCELLED:
            raise BusyError(f"run {run.id!r}: {again.reason}")
        again = replace(again, page=0, next_link=None, counts={}, state=RunState.RUNNING)
        run = await self._runs.save_run(again)
        await self._pages.delete(run.id)
        return await self._read(run, keep_lease, until)

    async def _read(
        self, run: Run, keep_lease: Callable[[], Awaitable[None]], until: datetime
    ) -> Run:
        rules = await self._rules.current()
        wait = wait_until(self._clock, until, keep_lease)
        survey = await Survey.begin(self._directory, self._conferencing, rules, wait, keep_lease)
        for fault in survey.faults:
            self._log.write(RuleBroken(reason=fault))
        run = replace(run, counts={**run.counts, "licensed": survey.licensed})
        async for done in self._pages.pages(run.id):
            if done.number <= run.page:
                survey.mark_listed(done.licensed)
        held = {packed(user.user_id): user.released async for user in self._held.held()}
        if run.page == 0 or run.next_link:
            whole = run.page == 0
            known = await self._replaced.saved_keys()
            listing = await self._roster.begin_listing()
            async for page in survey.pages(run.next_link):
                await keep_lease()
                run = await self._store_page(run, page, held, known)
                await listing.page(page)
                if run.next_link and self._clock.now() >= until:
                    return run
            if whole:
                await listing.end(survey.unlisted())
        await keep_lease()
        return await self._store_rest(run, survey.unlisted())

    async def _store_page(
        self, run: Run, page: SurveyedPage, held: Mapping[bytes, bool], known: SavedKeys
    ) -> Run:
        for user_id, reason in page.faults:
            self._log.write(Unreadable(user=self._log.who(user_id), reason=reason))
        if page.restarts:
            # What was read so far was not to be trusted, and is read again.
            await self._pages.delete(run.id)
            run = replace(run, page=0, counts={"licensed": run.counts["licensed"]})
        found = PageFindings.of(page, held)
        found.counts["saved"] += await self._save(found.to_save, known)
        number = await self._store_users(run, run.page + 1, found.licensed, found.to_queue)
        run = replace(
            run,
            page=number,
            next_link=page.next_link,
            state=RunState.RUNNING,
            interruptions=0,
            not_before=None,
            progressed_at=self._clock.now(),
            counts=bounded(Counter(run.counts) + found.counts),
        )
        return await self._runs.save_run(run)

    async def _store_rest(self, run: Run, unlisted: set[bytes]) -> Run:
        """Store users who are on no page, so that the mover tries them as well.

        Licensed users whom Teams does not list, and users who need attention: the cause may have
        been fixed.
        """
        attention = {packed(row.user_id) async for row in self._waiting.attention()}
        rest = [unpacked(key) for key in sorted(unlisted | attention)]
        if rest:
            await self._store_users(run, run.page + 1, rest, rest)
        counts = {**run.counts, "unlisted": len(unlisted), "attention": len(attention)}
        if doubt := listing_doubt(counts):
            self._log.write(ListingDoubtful(run=run.id, reason=doubt))
        now = self._clock.now()
        return await self._runs.save_run(
            replace(run, scanned=True, progressed_at=now, counts=counts)
        )

    async def _store_users(
        self, run: Run, number: int, licensed: Sequence[str], to_queue: Sequence[str]
    ) -> int:
        """Store findings from row `number` on, as many rows as they need; return the last one's number."""
        while True:
            some = SweepPage(number, licensed[:_PER_ROW], to_queue[:_PER_ROW])
            await self._pages.save_sweep_page(run.id, some)
            licensed, to_queue = licensed[_PER_ROW:], to_queue[_PER_ROW:]
            if not licensed and not to_queue:
                return number
            number += 1

    async def _save(self, users: list[ServiceUser], known: SavedKeys) -> int:
        new = [user for user in users if not self._replaced.has_saved(user, known)]
        saves = (self._save_one(user) for user in new)
        return sum(await gather_bounded(saves, _SAVES_IN_FLIGHT))

    async def _save_one(self, user: ServiceUser) -> bool:
        try:
            return await self._replaced.save_entries(user, self._clock.now())
        except (TooLargeError, RowRefusedError) as error:
            # One user's entries do not stop the sweep; the mover refuses to replace them.
            self._log.write(Unsaveable(user=self._log.who(user.id), reason=str(error)))
            return False
