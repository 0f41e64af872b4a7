"""The tables as the janitor sees them, in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.retention import StoredRun
from tests.fakes.runs import FakeRuns

_STEP = 2
"""How many rows one call deletes at most."""


@dataclass
class FakeLeftovers:
    """Rows of `known` runs by table, the ages of everything else, and the bounds that were asked for."""

    known: FakeRuns
    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many rows a table has of a run."""
    keys: list[datetime] = field(default_factory=list)
    actions: list[datetime] = field(default_factory=list)
    history: dict[tuple[str, str], datetime] = field(default_factory=dict)
    users: dict[str, datetime] = field(default_factory=dict)
    """When each was tried, or known to the directory, last."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Each table of runs that was listed, with the id before which its runs began."""

    async def runs(self, before: str) -> AsyncIterator[StoredRun]:
        self.asked.append(("runs", before))
        for run in sorted(self.known.runs):
            if run < before and (found := await self.find(run)):
                yield found

    async def find(self, run: str) -> StoredRun | None:
        if not (known := self.known.runs.get(run)):
            return None
        ended_at = known.finished_at or known.started_at
        return StoredRun(run, str(known.state), ended_at, known.revision)

    async def runs_in(self, table: str, before: str) -> AsyncIterator[str]:
        self.asked.append((table, before))
        for name, run in sorted(self.rows):
            if name == table and run < before:
                yield run

    async def delete_rows(self, table: str, run: str) -> int:
        left = self.rows.pop((table, run), 0)
        if left > _STEP:
            self.rows[table, run] = left - _STEP
        return min(left, _STEP)

    async def delete_run(self, run: StoredRun) -> bool:
        return bool(self.known.runs.pop(run.id, None))

    async def delete_keys(self, before: datetime) -> int:
        return _delete_some(self.keys, before)

    async def delete_actions(self, before: datetime) -> int:
        return _delete_some(self.actions, before)

    async def untried_users(self, before: datetime) -> AsyncIterator[str]:
        for user, at in sorted(self.users.items()):
            if at < before:
                yield user

    async def old_history(self, before: datetime) -> AsyncIterator[tuple[str, str]]:
        for keys, at in sorted(self.history.items()):
            if at < before:
                yield keys

    async def delete_history(self, keys: tuple[str, str]) -> None:
        del self.history[keys]

    async def mark_known(self, user_id: str, now: datetime) -> None:
        self.users[user_id] = now

    async def delete_user(self, user_id: str, before: datetime) -> bool:
        return self.users[user_id] < before and bool(self.users.pop(user_id))


def _delete_some(times: list[datetime], before: datetime) -> int:
    old = [each for each in times if each < before][:_STEP]
    for each in old:
        times.remove(each)
    return len(old)
