"""Runs that tell the truth in the end: final outcomes of users who waited, and counts."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import batched
from typing import Final

from shared.clock import Clock
from shared.concurrency import gather_bounded, grouped
from shared.domain.outcome import CHANGES, Outcome
from shared.domain.progress import OPEN, counted, final, is_complete, settled
from shared.domain.retry import SettledUser
from shared.domain.run import Run, RunState, Signal
from shared.domain.saved import KnownUser
from shared.errors import StaleError, UnreadableRowError
from shared.services.ports import HeldUsers, Runs, State, Users, WaitingUsers
from shared.services.run_changes import change_run
from shared.telemetry.operation import traced

_AT_ONCE: Final = 1_000
_PER_WRITE: Final = 100
_IN_FLIGHT: Final = 16
_OWN: Final = frozenset({RunState.RUNNING, RunState.INTERRUPTED})
"""States in which whoever carries a run out counts for it."""


class RunOutcomes:
    """Tells runs what became of their users, and counts their results."""

    def __init__(
        self,
        runs: Runs,
        users: Users,
        waiting: WaitingUsers,
        state: State,
        clock: Clock,
        *,
        held: HeldUsers,
    ) -> None:
        self._runs = runs
        self._users = users
        self._waiting = waiting
        self._held = held
        self._state = state
        self._clock = clock

    async def shown(self, run: Run) -> Run:
        """Return a run with its counts as they are now, where the stored ones may be older."""
        if run.state not in OPEN | {RunState.CANCELLED, RunState.HELD}:
            return run
        if run.cause is Signal.SWEEP and run.state in _OWN:
            return run  # it reads, and nobody of it is queued yet
        return counted(run, (await self._outcomes(run.id))[0])

    @traced
    async def update(self) -> int:
        """Tell the runs the final outcomes, and count what may have changed; return how many runs.

        StorageError: the rest is done at the next time.
        """
        runs = dict.fromkeys(await self._state.open_runs())
        async for some in grouped(self._waiting.settled(), _AT_ONCE):
            runs |= dict.fromkeys(await self._tell(some))
        for run in runs:
            await self._count(run)
        return len(runs)

    async def _tell(self, users: list[SettledUser]) -> list[str]:
        """Write the outcomes of settled users into their runs; return those that are there."""
        of_run: dict[str, list[SettledUser]] = defaultdict(list)
        for user in users:
            for run in user.runs:
                of_run[run].append(user)
        known = await gather_bounded(map(self._known, users), _IN_FLIGHT)
        past = {each.user_id: each for each in known if each}
        existing = []
        for run, its in of_run.items():
            began = await self._began(run)
            if began is None:
                continue
            results = [
                final(user.result, past.get(user.result.user_id), run, began) for user in its
            ]
            # First: what a crash in between leaves is told once more.
            await self._state.add_open_run(run)
            for some in batched(results, _PER_WRITE, strict=False):
                await self._runs.record_results(run, some, self._clock.now())
            existing.append(run)
        await gather_bounded(map(self._waiting.forget_settled, users), _IN_FLIGHT)
        return existing

    async def _known(self, user: SettledUser) -> KnownUser | None:
        """Return what is known of a user whose last attempt changed nothing: an earlier one may have."""
        if user.result.outcome in CHANGES:
            return None
        return await self._users.known(user.result.user_id)

    async def _began(self, run_id: str) -> datetime | None:
        """Return when a run began, None where there is none; one that cannot be read began long after."""
        try:
            run = await self._runs.find_run(run_id)
        except UnreadableRowError:
            return datetime.max.replace(tzinfo=UTC)
        return run.started_at if run else None

    async def _count(self, run_id: str) -> None:
        try:
            run = await self._runs.find_run(run_id)
        except UnreadableRowError:
            return  # reported
        if run is None:
            await self._state.remove_open_run(run_id)
            return
        if run.state in _OWN:
            return
        (outcomes, held), now = await self._outcomes(run_id), self._clock.now()
        on_the_way = await self._on_the_way(run, held)

        def count(it: Run) -> Run | None:
            news = settled(it, outcomes, now, on_the_way)
            return None if news == it or it.state in _OWN else news

        try:
            run = await change_run(self._runs, run, count)
        except StaleError:
            return  # others keep writing it: at the next time
        if not is_complete(run, outcomes):
            return
        await self._state.remove_open_run(run_id)
        found = await self._runs.find_run(run_id)
        if found and found.state in OPEN:  # released in between
            await self._state.add_open_run(run_id)

    async def _on_the_way(self, run: Run, held: set[str]) -> int:
        """Return how many users whom a run calls held were released; another list's are told later."""
        if not held or run.state is not RunState.MOVING or not run.decided_by:
            return 0
        others = {row.user_id async for row in self._held.held() if row.run != run.id}
        return len(held - others)

    async def _outcomes(self, run: str) -> tuple[Counter[str], set[str]]:
        """Return how many users of a run have each outcome, and who is held."""
        outcomes, held = Counter[str](), set[str]()
        async for each in self._runs.results(run):
            outcomes[str(each.outcome)] += 1
            if each.outcome is Outcome.HELD:
                held.add(each.user_id)
        return outcomes, held
