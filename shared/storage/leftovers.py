"""What the janitor finds and deletes, in small steps.

Rows are read undecoded: one that is damaged, or of a later version, is kept and stops nobody.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from azure.data.tables import TableEntity

from shared.domain.retention import StoredRun
from shared.storage.history import inverted
from shared.storage.rows import DIGITS
from shared.storage.state import ACTIONS
from shared.storage.tables import Tables

OF_RUNS: Final = ("plans", "requests", "runresults", "guard")
"""Tables with a partition per run."""

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_KEYS: Final = "keys"


class LeftoverTables:
    """The tables, as the janitor sees them."""

    def __init__(self, tables: Tables) -> None:
        self._runs = tables.table("runs")
        self._users = tables.table("users")
        self._state = tables.table("state")
        self._history = tables.table("history")
        self._of_runs = {name: tables.table(name) for name in OF_RUNS}

    async def runs(self, before: str) -> AsyncIterator[StoredRun]:
        """Yield the runs whose id is below `before`, oldest first."""
        text = "PartitionKey le @month and RowKey lt @before"
        columns = ["RowKey", "state", "started_at", "finished_at"]
        async for row in self._runs.query(text, {"month": before[:6], "before": before}, columns):
            if run := _stored(row):
                yield run

    async def find(self, run: str) -> StoredRun | None:
        """Return a run, or None when it has no row."""
        row = await self._runs.get(run[:6], run)
        return (_stored(row) or StoredRun(run, "damaged", _NEVER)) if row else None

    def runs_in(self, table: str, before: str) -> AsyncIterator[str]:
        """Yield the ids below `before` of the runs that have rows in a table, oldest first."""
        return self._of_runs[table].partitions(before)

    async def delete_rows(self, table: str, run: str) -> int:
        """Delete up to 1,000 of a run's rows in a table; return how many. 0: none is left."""
        return await self._of_runs[table].delete_some("PartitionKey eq @run", {"run": run})

    async def delete_run(self, run: StoredRun) -> bool:
        """Delete a run's own row, the last one of it, unless it was changed since it was read."""
        row = await self._runs.get(run.id[:6], run.id)
        unchanged = row is not None and row.metadata["etag"] == run.revision
        return row is not None and unchanged and await self._runs.delete_if_unchanged(row)

    async def delete_keys(self, before: datetime) -> int:
        """Delete up to 1,000 idempotency keys that are older; return how many."""
        text = "PartitionKey eq @keys and Timestamp lt @before"
        return await self._of_runs["requests"].delete_some(text, {"keys": _KEYS, "before": before})

    async def delete_actions(self, before: datetime) -> int:
        """Delete up to 1,000 records of older actions; return how many."""
        text = "PartitionKey eq @actions and RowKey lt @before"
        given = {"actions": ACTIONS, "before": f"{before:%Y%m%dT%H%M%SZ}"}
        return await self._state.delete_some(text, given)

    async def untried_users(self, before: datetime) -> AsyncIterator[str]:
        """Yield the ids of users who were neither tried nor known to the directory since then."""
        for digit in DIGITS:
            rows = self._users.query(
                "PartitionKey eq @digit and looked_at lt @before",
                {"digit": digit, "before": before},
                ["RowKey", "known_at"],
            )
            async for row in rows:
                known_at = row.get("known_at")
                if not isinstance(known_at, datetime) or known_at <= before:
                    yield str(row["RowKey"])

    async def old_history(self, before: datetime) -> AsyncIterator[tuple[str, str]]:
        """Yield the keys of the records of users' histories that are older; the whole table is read."""
        text, given = "RowKey gt @before", {"before": f"{inverted(before)}~"}
        async for row in self._history.query(text, given, ["PartitionKey", "RowKey"]):
            yield str(row["PartitionKey"]), str(row["RowKey"])

    async def delete_history(self, keys: tuple[str, str]) -> None:
        """Delete a record of a user's history."""
        await self._history.delete(*keys)

    async def mark_known(self, user_id: str, now: datetime) -> None:
        """Remember that the directory knows a user, who is then not asked for so soon."""
        await self._users.update({"PartitionKey": user_id[0], "RowKey": user_id, "known_at": now})

    async def delete_user(self, user_id: str, before: datetime) -> bool:
        """Delete a user's row, unless the user was tried since then; return whether it was."""
        row = await self._users.get(user_id[0], user_id)
        looked_at = row.get("looked_at") if row is not None else None
        untried = isinstance(looked_at, datetime) and looked_at < before
        return row is not None and untried and await self._users.delete_if_unchanged(row)


def _stored(row: TableEntity) -> StoredRun | None:
    ended_at = row.get("finished_at") or row.get("started_at")
    if not isinstance(ended_at, datetime):
        return None
    revision = str(row.metadata["etag"])
    return StoredRun(str(row["RowKey"]), str(row.get("state")), ended_at, revision)
