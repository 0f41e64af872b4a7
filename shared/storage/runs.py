"""Tables `runs` and `runresults`: each run, and the result of each of its users.

A run's id begins with its start (`20261123T020000Z-sweep-1f2e`), and `runs` is partitioned by month,
so that the newest runs are one range scan. `runresults`: partition the run, row the user.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.domain.decision import Action
from shared.domain.outcome import UserResult
from shared.domain.run import Mode, Run, RunState, Signal
from shared.storage.outcomes import decode_outcome, encode_outcome
from shared.storage.tables import BATCH_LIMIT, Table

_RUN_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")


class RunTable:
    """Reader and writer of runs and their results."""

    def __init__(self, runs: Table, results: Table) -> None:
        self._runs = runs
        self._results = results

    async def begin_run(self, run: Run) -> bool:
        """Write a new run; False: there is one, and it stays as it is."""
        return await self._runs.insert(_encode(run))

    async def change_run(self, before: Run, after: Run) -> bool:
        """Write the run as `after`; False: its state, mode or progress are not those of `before`."""
        row = await self._runs.get(after.id[:6], after.id)
        if row is None or _progress(_decode(dict(row))) != _progress(before):
            return False
        return await self._runs.replace_if_unchanged(_encode(after), str(row.metadata["etag"]))

    async def save_run(self, run: Run) -> None:
        """Write the run's current state."""
        await self._runs.replace(_encode(run))

    async def find_run(self, run: str) -> Run | None:
        """Return the run, or None, also for a text that is not a run id."""
        if not _RUN_ID.fullmatch(run):
            return None
        row = await self._runs.get(run[:6], run)
        return self._runs.decoded(row, _decode) if row else None

    async def runs_of_month(self, month: datetime) -> AsyncIterator[Run]:
        """Yield the runs that started in the month of `month`, oldest first."""
        rows = self._runs.read("PartitionKey eq @month", {"month": f"{month:%Y%m}"}, _decode)
        async for run in rows:
            yield run

    async def record_results(self, run: str, results: Sequence[UserResult], now: datetime) -> None:
        """Write the results of some users of a run (at most 100); one transaction."""
        if len(results) > BATCH_LIMIT:
            raise ValueError(f"at most {BATCH_LIMIT} results at once, not {len(results)}")
        await self._results.merge_all([_result_row(run, result, now) for result in results])

    async def results(
        self, run: str, after: str = "", at_most: int | None = None
    ) -> AsyncIterator[UserResult]:
        """Yield the results of a run after the user `after`, at most `at_most`."""
        text = "PartitionKey eq @run and RowKey gt @after"
        count = 0
        keys = {"run": run, "after": _key_of(after)}
        async for result in self._results.read(text, keys, _decode_result):
            if count == at_most:
                return
            count += 1
            yield result


def _decode_result(row: dict[str, Any]) -> UserResult:
    return UserResult(
        row.get("name") or row["RowKey"],
        decode_outcome(row),
        row["reason"],
        row.get("upn", ""),
        row.get("old_provider"),
        decision=Action(row["decision"]) if row.get("decision") else None,
    )


def _encode(run: Run) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "PartitionKey": run.id[:6],
        "RowKey": run.id,
        "cause": str(run.cause),
        "state": str(run.state),
        "started_at": run.started_at,
        "reason": run.reason,
        "page": run.page,
        "next_link": run.next_link or "",
        "scanned": run.scanned,
        **{f"count_{name}": value for name, value in run.counts.items()},
    }
    entity |= {"released": run.released, "interruptions": run.interruptions}
    entity |= {"holds": run.holds, "requested_by": run.requested_by}
    if run.mode:
        entity["mode"] = str(run.mode)
    if run.finished_at:
        entity["finished_at"] = run.finished_at
    if run.not_before:
        entity["not_before"] = run.not_before
    return entity


def _progress(run: Run) -> tuple[object, ...]:
    decided = run.released, run.holds, run.requested_by
    return run.state, run.reason, run.mode, run.scanned, run.page, *decided


def _result_row(run: str, result: UserResult, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "PartitionKey": run,
        "RowKey": result.user_id,
        **encode_outcome(result.outcome),
        "decision": str(result.decision or ""),
        "reason": result.reason,
        "upn": result.upn,
        "at": now,
    }
    if result.old_provider is not None:
        row["old_provider"] = result.old_provider
    if not _is_id(result.user_id):
        row |= {"RowKey": _key_of(result.user_id), "name": result.user_id}
    return row


def _key_of(name: str) -> str:
    """Return the row of a user: the id, or a digest of a name, which may have characters that keys forbid."""
    if not name or _is_id(name):
        return name
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _decode(row: dict[str, Any]) -> Run:
    return Run(
        id=row["RowKey"],
        cause=Signal(row["cause"]),
        state=RunState(row["state"]),
        started_at=row["started_at"],
        finished_at=row.get("finished_at"),
        reason=row["reason"],
        counts={
            name.removeprefix("count_"): value
            for name, value in row.items()
            if name.startswith("count_")
        },
        page=row["page"],
        next_link=row["next_link"] or None,
        scanned=row["scanned"],
        released=row["released"],
        interruptions=row["interruptions"],
        not_before=row.get("not_before"),
        mode=Mode(row["mode"]) if row.get("mode") else None,
        holds=row.get("holds", False),
        requested_by=row.get("requested_by", ""),
    )
