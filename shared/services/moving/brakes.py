"""The brakes: asked after the decision and before the set, whatever the signal was.

Cancelled: nobody else of the run is changed. Pause: nobody is changed. Guard: not more users than permitted
lose a conference ID within a window; the others are held, each by name, until a person releases them. What
cannot be read changes nobody.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.concurrency import Fresh
from shared.domain.decision import Action
from shared.domain.guard import ENABLED, REPLACED, GuardLimit, held_run_id
from shared.domain.held import HeldUser
from shared.domain.history import DialIn, HistoryEvent, HistoryRecord
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import PAUSE_FRESH, Pause
from shared.domain.run import Mode, Run, RunState, Signal
from shared.errors import UnreadableRowError
from shared.services.moving.assess import Assessment
from shared.services.moving.guard import GuardCounter
from shared.services.moving.held_list import HeldList
from shared.services.moving.terms import Terms
from shared.services.ports import HeldUsers, History, Runs, State, WaitingUsers
from shared.services.run_changes import change_run
from shared.telemetry.events import Held
from shared.telemetry.log import EventLog

_HELD_FRESH: Final = 10.0
_LICENSED_FRESH: Final = 600.0
_UNCOUNTED_FRESH: Final = 60.0
"""Seconds for which this process trusts what it read: whether anybody is held, how many are licensed."""

_UNCOUNTED: Final = (
    "ACP_GUARD_MAX_SHARE: no sweep has counted the licensed users yet; one is requested"
)

_LATE: Final = "others of the held sweep were released, and this user came later"

_RUNS_KNOWN: Final = 64


class Brakes:
    """Refuses changes. limit: of the guard."""

    def __init__(
        self,
        *,
        guard: GuardCounter,
        held: HeldUsers,
        waiting: WaitingUsers,
        runs: Runs,
        history: History,
        state: State,
        limit: GuardLimit,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._guard = guard
        self._held = held
        self._held_list = HeldList(held, waiting)
        self._runs = runs
        self._history = history
        self._state = state
        self._limit = limit
        self._clock = clock
        self._log = log
        self._pause = Fresh(state.pause, PAUSE_FRESH, clock)
        self._any = False
        self._any_until = self._licensed_until = float("-inf")
        self._licensed: int | None = None
        self._known_runs: dict[str, tuple[float, Run | None]] = {}

    async def refuse(self, found: Assessment, terms: Terms) -> UserResult | None:
        """Return the result of a user who must not be changed now; None: go on, at once.

        StorageError: pause or guard cannot be read or written, so nobody may be changed.
        """
        if stopped := await self._stopped(found, terms):
            return stopped
        action = found.decision.action
        if not action.replaces_ids and (action is not Action.ENABLE or self._limit.enables is None):
            return None
        known = None
        if await self._is_any_held():
            known = await self._held.find_held(found.user.id)
        if known and known.released:
            return None
        if known and not _is_named(terms):
            await self._record_held(known)
            if terms.run and terms.run not in known.runs:
                await self._held.add_runs(found.user.id, [terms.run])
            return _held(found, known.reason, known.run)
        if self._limit.most(await self._count_licensed()) is None:
            return _waits(found, _UNCOUNTED)
        why = await self._why_held(found.user.id, action, terms)
        return await self._hold(found, terms, why) if why else None

    async def pause(self) -> Pause | None:
        """Return the pause, at most a second old, or None. StorageError: not known."""
        return await self._pause.get()

    async def _stopped(self, found: Assessment, terms: Terms) -> UserResult | None:
        """Return the result of a user whose run is cancelled, or while changes are paused."""
        if why := await self.why_cancelled(terms.run):
            return replace(found.result(Outcome.CANCELLED, found.provider or None), reason=why)
        pause = await self.pause()
        return _waits(found, pause.reason) if pause else None

    async def why_cancelled(self, run_id: str | None) -> str:
        """Return why nobody else of a run is changed, at most a second late, or "": it is not cancelled."""
        run = await self._run(run_id) if run_id else None
        return run.reason if run and run.state is RunState.CANCELLED else ""

    async def begun(self, run_id: str) -> Run | None:
        """Return a run as far as it never changes: who asked for it, and why."""
        _, run = self._known_runs.get(run_id, (0.0, None))
        try:
            return run or await self._run(run_id)
        except UnreadableRowError:
            return None

    async def settle(self, result: UserResult, run: str | None) -> None:
        """Take a user who needs no change any more off the list of the held. run: it has the result."""
        if await self._is_any_held():
            await self._held_list.remove(result, run)

    async def tell_held(self, user_id: str, runs: Sequence[str]) -> bool:
        """Let these runs be told what becomes of a held user; False: the user is not held any more."""
        return await self._held.add_runs(user_id, runs)

    async def _why_held(self, user_id: str, action: Action, terms: Terms) -> str:
        """Count a user; return why the user is held instead, or ""."""
        limit, window = self._limit, self._limit.window
        if terms.run and terms.expected is not None:
            # A person named the number: the change counts against that, and against nothing else.
            counted = await self._guard.count(terms.run, user_id, terms.expected, None)
            return "" if counted else f"the request expects {terms.expected} users"
        if not action.replaces_ids:
            most = limit.enables or 0
            counted = await self._guard.count(ENABLED, user_id, most, window)
            return "" if counted else f"ACP_GUARD_MAX_ENABLES is {most}"
        if terms.signal is Signal.SWEEP and terms.run and (run := await self._run(terms.run)):
            if run.released:
                return ""
            if run.holds:
                return run.reason or _LATE  # a release of some has cleared the reason, not the hold
        most = limit.most(self._licensed) or 0
        counted = await self._guard.count(REPLACED, user_id, most, window)
        return "" if counted else limit.named(self._licensed)

    async def _hold(self, found: Assessment, terms: Terms, why: str) -> UserResult:
        now = self._clock.now()
        run = terms.run or held_run_id(terms.signal, now, self._limit.window)
        await self._list_run(run, terms.signal, why)
        user = found.user
        row = HeldUser(user.id, user.upn, found.provider, terms.signal, run, now, why, runs=(run,))
        await self._held.add_held(row)
        await self._record_held(await self._held.find_held(user.id) or row)
        # Once more: the run may have ended in between, and a list of the held must not look ended.
        listed = await self._list_run(run, terms.signal, why)
        if listed.state is RunState.CANCELLED:
            cancelled = replace(found.result(Outcome.CANCELLED), reason=listed.reason)
            await self._held_list.remove(cancelled, run)
            return cancelled
        self._any = True
        who = self._log.who(user.id)
        self._log.write(Held(user=who, cause=terms.signal, run=run, reason=why))
        result = _held(found, why, run)
        if run != terms.run:
            # So the list knows how many it has to wait for. As of before: whoever is settled since, stays so.
            await self._runs.record_results(run, [result], now)
        return result

    async def _record_held(self, user: HeldUser) -> None:
        """Add to the history since when a user is held; once, however often this is met."""
        had, what = DialIn(user.provider), HistoryEvent.HELD
        signal, run, why = str(user.signal), user.run, user.reason
        await self._history.add(
            HistoryRecord(
                user.user_id, what, user.since, user.upn, signal, run, reason=why, before=had
            )
        )

    async def _list_run(self, run_id: str, signal: Signal, why: str) -> Run:
        """Show a run as held: that of a request or sweep once it has ended, or a new one."""
        run = await self._runs.find_run(run_id)
        if run is None:
            began = self._clock.now()
            run = Run(run_id, signal, RunState.HELD, began, scanned=True, mode=Mode.MOVE)

        def hold(it: Run) -> Run | None:
            ended = it.state in (RunState.FINISHED, RunState.MOVING)
            under_way = it.revision and not ended
            return None if under_way else replace(it, state=RunState.HELD, reason=why)

        return await change_run(self._runs, run, hold)

    async def _is_any_held(self) -> bool:
        now = self._clock.monotonic()
        if now >= self._any_until:
            self._any = await self._held.is_any()
            self._any_until = now + _HELD_FRESH
        return self._any

    async def _run(self, run_id: str) -> Run | None:
        """Return a run as it was at most a second ago."""
        now = self._clock.monotonic()
        until, run = self._known_runs.get(run_id, (now, None))
        if now >= until:
            run = await self._runs.find_run(run_id)
            if len(self._known_runs) >= _RUNS_KNOWN:
                del self._known_runs[next(iter(self._known_runs))]
            self._known_runs[run_id] = now + PAUSE_FRESH, run
        return run

    async def _count_licensed(self) -> int | None:
        if self._limit.share is None:
            return None
        now = self._clock.monotonic()
        if now >= self._licensed_until:
            self._licensed = await self._state.licensed()
            self._licensed_until = now + _LICENSED_FRESH
            if self._licensed is None:
                await self._state.request_sweep()
                self._licensed_until = now + _UNCOUNTED_FRESH
        return self._licensed


def _is_named(terms: Terms) -> bool:
    """Whether a person named the number of users: the request is more than what was held before."""
    return terms.run is not None and terms.expected is not None


def _waits(found: Assessment, reason: str) -> UserResult:
    waits = found.result(Outcome.WAITING, found.provider or None)
    return replace(waits, reason=reason, paused=True)


def _held(found: Assessment, why: str, run: str) -> UserResult:
    held = found.result(Outcome.HELD, found.provider or None)
    return replace(held, reason=f"{found.decision.reason}; held: {why}; on the list of {run}")
