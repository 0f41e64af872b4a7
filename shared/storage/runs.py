"""Tables `runs` and `runresults`: what each run did, and what happened to each of its users.

A run's id begins with its start (`20261123T020000Z-sweep-1f2e`), and `runs` is partitioned by month,
so that the newest runs are one range scan. `runresults`: partition the run, row the user.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.domain.outcome import Outcome, UserResult
from shared.storage.tables import BATCH_LIMIT, Table


@dataclass(frozen=True, slots=True)
class Run:
    """A run: id, cause, state (`running`, `finished`, `failed`) and its counts by name."""

    id: str
    cause: str
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


def new_run_id(cause: str, now: datetime) -> str:
    """Return a fresh id that sorts by start."""
    return f"{now:%Y%m%dT%H%M%SZ}-{cause}-{secrets.token_hex(2)}"


class RunTable:
    """Reads and writes runs and their results."""

    def __init__(self, runs: Table, results: Table) -> None:
        self._runs = runs
        self._results = results

    async def put(self, run: Run) -> None:
        """Write the run as it is now."""
        entity: dict[str, Any] = {
            "PartitionKey": run.id[:6],
            "RowKey": run.id,
            "cause": run.cause,
            "state": run.state,
            "started_at": run.started_at,
            "reason": run.reason,
            **{f"count_{name}": value for name, value in run.counts.items()},
        }
        if run.finished_at:
            entity["finished_at"] = run.finished_at
        await self._runs.replace(entity)

    async def month(self, month: datetime) -> AsyncIterator[Run]:
        """Yield the runs that started in the month of `month`, oldest first."""
        rows = self._runs.query("PartitionKey eq @month", {"month": f"{month:%Y%m}"})
        async for row in rows:
            yield Run(
                id=row["RowKey"],
                cause=row["cause"],
                state=row["state"],
                started_at=row["started_at"],
                finished_at=row.get("finished_at"),
                reason=row["reason"],
                counts={
                    name.removeprefix("count_"): value
                    for name, value in row.items()
                    if name.startswith("count_")
                },
            )

    async def record(self, run: str, results: Sequence[UserResult], now: datetime) -> None:
        """Write what happened to some users of a run (at most 100); one transaction."""
        if len(results) > BATCH_LIMIT:
            raise ValueError(f"at most {BATCH_LIMIT} results at once, not {len(results)}")
        rows = [
            {
                "PartitionKey": run,
                "RowKey": result.user_id,
                "outcome": str(result.outcome),
                "reason": result.reason,
                "at": now,
            }
            for result in results
        ]
        await self._results.merge_all(rows)

    async def results(self, run: str) -> AsyncIterator[UserResult]:
        """Yield the results of a run."""
        async for row in self._results.query("PartitionKey eq @run", {"run": run}):
            yield UserResult(row["RowKey"], Outcome(row["outcome"]), row["reason"])
