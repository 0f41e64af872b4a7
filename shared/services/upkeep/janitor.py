"""Delete what is older than the settings keep it. Saved provider entries are never touched."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.clock import Clock
from shared.concurrency import grouped
from shared.domain.messages import USERS_PER_MESSAGE
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retention import (
    LEFTOVER,
    Retention,
    StoredRun,
    first_id_after,
    has_ended,
    may_delete,
    may_end,
)
from shared.domain.run import Run, RunState
from shared.errors import BusyError, NotFoundError, UnreadableRowError
from shared.services.moving.held_list import HeldList
from shared.services.ports import (
    Directory,
    HeldUsers,
    Leftovers,
    Poison,
    Runs,
    State,
    WaitingUsers,
)
from shared.services.run_changes import change_run
from shared.telemetry.events import Cleaned
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_LEASE: Final = "janitor"
_LEASE_SPAN: Final = timedelta(minutes=15)
_LONGEST: Final = 600.0
"""Seconds after which it stops; the next night goes on, for what is deleted is not found again."""

_USERS_A_NIGHT: Final = 5_000
"""Users looked up in the directory in one night."""

_UNUSED: Final = "released and not changed within a week; a sweep finds the user again"
_OLD: Final = "held and not released in time; the sweeps since then found its users again"


_OF_RUNS: Final = ("requests", "runresults", "guard")
"""Tables whose rows go with their run; `guard` has ledgers of requests that named a number."""


class _StoppedError(Exception):
    """The time is up, or another instance has taken the lease."""


class Janitor:
    """Cleans the tables and poison queues, one instance at a time, in small steps that can stop anywhere.

    poison: the queues whose unreadable messages are deleted in the end.
    """

    def __init__(
        self,
        *,
        leftovers: Leftovers,
        runs: Runs,
        held: HeldUsers,
        waiting: WaitingUsers,
        state: State,
        directory: Directory,
        poison: Sequence[Poison[Any]],
        retention: Retention,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._leftovers = leftovers
        self._runs = runs
        self._held_users = held
        self._held_list = HeldList(held, waiting)
        self._state = state
        self._directory = directory
        self._poison = poison
        self._retention = retention
        self._clock = clock
        self._log = log
        self._owner = secrets.token_hex(8)
        self._counts: dict[str, int] = {}
        self._ends = self._renew_at = 0.0

    @traced
    async def clean(self) -> dict[str, int] | None:
        """Clean; return how much by kind, or None while another instance does. It logs one line.

        StorageError, ServiceError: it stopped there; what was deleted stays deleted.
        """
        began = self._clock.monotonic()
        if not await self._keep_lease(renew=False):
            return None
        self._ends = began + _LONGEST
        self._counts = dict.fromkeys(
            (
                "expired",
                "plans",
                "requests",
                "runresults",
                "guard",
                "runs",
                "keys",
                "actions",
                "history",
                "users",
                "poison",
            ),
            0,
        )
        complete = False
        try:
            for step in (
                self._held,
                self._released,
                self._rows,
                self._ended,
                self._keys,
                self._history,
                self._users,
                self._messages,
            ):
                await step()
            complete = True
        except _StoppedError:
            pass  # it is logged as not complete
        finally:
            await self._state.release(_LEASE, self._owner, self._clock.now())
            took = round(1000 * (self._clock.monotonic() - began))
            self._log.write(
                Cleaned(
                    expired=self._counts["expired"],
                    plans=self._counts["plans"],
                    requests=self._counts["requests"],
                    runresults=self._counts["runresults"],
                    guard=self._counts["guard"],
                    runs=self._counts["runs"],
                    keys=self._counts["keys"],
                    actions=self._counts["actions"],
                    history=self._counts["history"],
                    users=self._counts["users"],
                    poison=self._counts["poison"],
                    complete="yes" if complete else "no",
                    duration_ms=took,
                )
            )
        return self._counts

    async def _held(self) -> None:
        """End the sweeps that nobody released: their users are out of date."""
        now = self._clock.now()
        to_come = await self._state.released_sweeps()
        async for stored in self._leftovers.runs(first_id_after(now - self._retention.held)):
            if may_end(stored, now, self._retention) and stored.id not in to_come:
                self._counts["expired"] += await self._end(stored.id, now)
            await self._go_on()

    async def _end(self, run_id: str, now: datetime) -> bool:
        """End a held run; return whether it was: one that somebody changes, or nobody can read, stays."""

        def change(known: Run) -> Run | None:
            if known.state is not RunState.HELD:
                return None  # somebody has just released it
            reason = f"{_OLD}; {known.reason}"
            return replace(known, state=RunState.FAILED, reason=reason, finished_at=now)

        try:
            run = await self._runs.find_run(run_id)
            ended = run and await change_run(self._runs, run, change)
        except (BusyError, UnreadableRowError):
            return False
        if ended is None or ended.state is not RunState.FAILED:
            return False
        for user in [user async for user in self._held_users.held_of(run_id)]:
            result = UserResult(user.user_id, Outcome.CANCELLED, ended.reason, user.upn)
            await self._held_list.remove(result)
        return True

    async def _released(self) -> None:
        """Take users off the lists whose release came to nothing: it permits no later change."""
        now = self._clock.now()
        for user in [each async for each in self._held_users.held() if each.is_out_of_date(now)]:
            gone = UserResult(user.user_id, Outcome.CANCELLED, _UNUSED, user.upn)
            await self._held_list.remove(gone)
            self._counts["expired"] += 1
            await self._go_on()

    async def _rows(self) -> None:
        """Delete the rows of runs that are over, of their tables before the runs' own."""
        now = self._clock.now()
        keep = self._retention.runs
        for table, before in (("plans", LEFTOVER), *((each, keep) for each in _OF_RUNS)):
            async for run in self._leftovers.runs_in(table, first_id_after(now - before)):
                stored = await self._leftovers.find(run)
                if await self._is_due(table, stored):
                    while count := await self._leftovers.delete_rows(table, run):
                        self._counts[table] += count
                        await self._go_on()
                await self._go_on()

    async def _is_due(self, table: str, run: StoredRun | None) -> bool:
        if run is None:  # begun and never written, or deleted by a janitor that was stopped
            return True
        if table == "plans" and has_ended(run):
            return True
        return may_delete(run, self._clock.now(), self._retention) and await self._is_idle(run)

    async def _is_idle(self, run: StoredRun) -> bool:
        """Whether no timer is about to resume the run."""
        to_come = await self._state.released_sweeps()
        return run.id not in (await self._state.current_sweep(), *to_come)

    async def _ended(self) -> None:
        now = self._clock.now()
        async for run in self._leftovers.runs(first_id_after(now - self._retention.runs)):
            if may_delete(run, now, self._retention) and await self._is_idle(run):
                self._counts["runs"] += await self._leftovers.delete_run(run)
            await self._go_on()

    async def _keys(self) -> None:
        now = self._clock.now()
        while count := await self._leftovers.delete_keys(now - self._retention.keys):
            self._counts["keys"] += count
            await self._go_on()
        while count := await self._leftovers.delete_actions(now - self._retention.runs):
            self._counts["actions"] += count
            await self._go_on()

    async def _history(self) -> None:
        before = self._clock.now() - self._retention.history
        async for keys in self._leftovers.old_history(before):
            await self._leftovers.delete_history(keys)
            self._counts["history"] += 1
            await self._go_on()

    async def _users(self) -> None:
        """Delete the rows of users whom the directory does not know; who it cannot say stays."""
        now = self._clock.now()
        before = now - self._retention.users
        asked = 0
        async for some in grouped(self._leftovers.untried_users(before), USERS_PER_MESSAGE):
            for user, found in (await self._directory.users(some)).items():
                if isinstance(found, NotFoundError):
                    self._counts["users"] += await self._leftovers.delete_user(user, before)
                elif not isinstance(found, Exception):
                    await self._leftovers.mark_known(user, now)
            asked += len(some)
            if asked >= _USERS_A_NIGHT:
                return
            await self._go_on()

    async def _messages(self) -> None:
        before = self._clock.now() - self._retention.poison
        for queue in self._poison:
            async for message in queue.messages():
                old = message.inserted_at is not None and message.inserted_at < before
                if message.content is None and old:
                    await queue.delete(message)
                    self._counts["poison"] += 1
                await self._go_on()

    async def _go_on(self) -> None:
        """Return while there is time and the lease is ours; it is renewed about once a minute."""
        now = self._clock.monotonic()
        if now >= self._ends:
            raise _StoppedError
        if now >= self._renew_at and not await self._keep_lease(renew=True):
            raise _StoppedError

    async def _keep_lease(self, *, renew: bool) -> bool:
        self._renew_at = self._clock.monotonic() + 60
        now = self._clock.now()
        return await self._state.acquire(_LEASE, self._owner, now, _LEASE_SPAN, renew=renew)
