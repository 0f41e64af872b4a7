"""Tables `runs` and `runresults`: each run, and the result of each of its users.

A run's id begins with its start (`20261123T020000Z-sweep-1f2e`), and `runs` is partitioned by month,
so that the newest runs are one range scan. `runresults`: partition the run, row the user.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from shared.concurrency import gather_bounded
from shared.domain.decision import Action
from shared.domain.outcome import CHANGES, OPEN, Outcome, UserResult
from shared.domain.run import Mode, Run, Signal, months_back
from shared.errors import InputError, StaleError, StorageError
from shared.storage.outcomes import decode_outcome, decode_state, encode_outcome, encode_state
from shared.storage.rows import clipped, field
from shared.storage.tables import BATCH_LIMIT, ETAG, PAGE, Table
from shared.storage.wire import Change, Verb
from shared.text import is_canonical

_TRIES: Final = 5
_IN_FLIGHT: Final = 16
_DAY: Final = timedelta(days=1)
_RECENT: Final = timedelta(days=3)

RUN_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")


class RunTable:
    """Reader and writer of runs and their results."""

    def __init__(self, runs: Table, results: Table) -> None:
        self._runs = runs
        self._results = results

    async def save_run(self, run: Run) -> Run:
        """Write the run's current state; return it as it is stored.

        StaleError: somebody has written it since it was read, or stored it when it was new here.
        """
        entity = _encode(run)
        if run.revision:
            revision = await self._runs.replace_if_unchanged(entity, run.revision)
        else:
            revision = await self._runs.insert(entity)
        if not revision:
            raise StaleError(f"run {run.id!r}: somebody else has just written it")
        return replace(run, revision=revision)

    async def find_run(self, run: str) -> Run | None:
        """Return the run, or None, also for a text that is not a run id.

        UnreadableRowError: its row is damaged or of a newer version.
        """
        if not RUN_ID.fullmatch(run):
            return None
        return await self._runs.find(run[:6], run, _decode)

    async def first_month(self) -> date | None:
        """Return the first day of the month of the oldest run; None: there is no run."""
        rows = self._runs.query(
            "PartitionKey ge @first", {"first": "200001"}, ["PartitionKey"], page=1
        )
        async for row in rows:
            return datetime.strptime(row["PartitionKey"], "%Y%m").replace(tzinfo=UTC).date()
        return None

    async def newest(self, now: datetime, limit: int, before: str = "") -> list[Run]:
        """Return at most `limit` runs of this month and the one before, the newest first.

        before: only those that sort before this id.
        """
        found: list[Run] = []
        async for run in self.back_to(months_back(now, 1), now, before):
            if len(found) == limit:
                break
            found.append(run)
        return found

    async def back_to(
        self, since: date, now: datetime, before: str = "", signal: Signal | None = None
    ) -> AsyncIterator[Run]:
        """Yield the runs from now back to a day, the newest first.

        before: only those that sort before this id. signal: only those that it began. Days are read from the
        last one back, ever more at once, as long as somebody wants more.
        """
        end, span = (now + _DAY).date(), _RECENT
        if before:
            end = min(end, (_day_of(before) + _DAY).date())
        while end > since:
            # Within a month, for that is a partition.
            first = max(end - span, (end - _DAY).replace(day=1), since)
            text = "PartitionKey eq @month and RowKey ge @first and RowKey lt @end"
            until = f"{end:%Y%m%d}" if not before else min(f"{end:%Y%m%d}", before)
            where = {"month": f"{first:%Y%m}", "first": f"{first:%Y%m%d}", "end": until}
            if signal:
                text, where = f"{text} and cause eq @cause", {**where, "cause": str(signal)}
            rows = [run async for run in self._runs.read(text, where, _decode, page=PAGE)]
            for run in reversed(rows):
                yield run
            end, span = first, 2 * span

    async def failures(self, run: str, limit: int) -> list[UserResult]:
        """Return at most `limit` results of users of a run who failed or were not found."""
        text = "PartitionKey eq @run and ( outcome eq @failed or outcome eq @not_found )"
        where = {"run": run, "failed": Outcome.FAILED, "not_found": Outcome.NOT_FOUND}
        given = {name: str(value) for name, value in where.items()}
        return await self._results.first(text, given, _decode_result, limit)

    async def record_results(
        self,
        run: str,
        results: Sequence[UserResult],
        now: datetime,
        began: datetime | None = None,
    ) -> None:
        """Write the results of some users of a run (at most 100), whose attempt began then, or now.

        In one transaction, unless somebody has a result: that of an attempt which began later stays, and
        so does a change, whatever a duplicate of the message meets afterwards.
        """
        if len(results) > BATCH_LIMIT:
            raise ValueError(f"at most {BATCH_LIMIT} results at once, not {len(results)}")
        rows = [_result_row(run, result, now, began or now) for result in results]
        if not await self._results.transact([Change(Verb.INSERT, row) for row in rows]):
            await gather_bounded(map(self._record, rows), _IN_FLIGHT)

    async def _record(self, row: dict[str, Any]) -> None:
        for _ in range(_TRIES):
            known = await self._results.get(row["PartitionKey"], row["RowKey"])
            if known is None:
                written = await self._results.insert(row)
            elif _stays(dict(known), row):
                return
            else:
                etag = str(known.metadata["etag"])
                written = await self._results.merge_if_unchanged(row, etag)
            if written:
                return
        raise StorageError("write in table runresults", "others keep writing the row")

    async def results(
        self, run: str, after: str = "", at_most: int | None = None
    ) -> AsyncIterator[UserResult]:
        """Yield the results of a run after the user `after`, at most `at_most`."""
        text = "PartitionKey eq @run and RowKey gt @after"
        count = 0
        given = {"run": run, "after": _key_of(after)}
        page = PAGE if at_most is None else min(at_most + 1, PAGE)
        async for result in self._results.read(text, given, _decode_result, page=page):
            if count == at_most:
                return
            count += 1
            yield result

    async def results_of(self, run: str, names: Sequence[str]) -> list[UserResult]:
        """Return the results of some users, by id or the name that was not found: a point read each."""
        finds = (self._results.find(run, _key_of(name), _decode_result) for name in names)
        return [result for result in await gather_bounded(finds, _IN_FLIGHT) if result]


def _day_of(run: str) -> datetime:
    """Return the day of a run's id; InputError: it is none."""
    try:
        return datetime.strptime(run[:8], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(f"before {run!r}: the id of a run is needed") from None


def _stays(known: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a known result is kept: a change before what is none, else that of the later attempt.

    What ends a wait counts, whatever the clocks say, also against a failure that is written late: if the
    user waits again, the run is told once more.
    """
    was, becomes = decode_outcome(known), decode_outcome(row)
    if (was in CHANGES) != (becomes in CHANGES):
        return was in CHANGES
    if (was in OPEN) != (becomes in OPEN):
        return becomes in OPEN
    began: datetime = row["began_at"]
    return field(known, "began_at", datetime, began) > began


def _decode_result(row: dict[str, Any]) -> UserResult:
    return UserResult(
        field(row, "name", str, "") or field(row, "RowKey", str),
        decode_outcome(row),
        field(row, "reason", str),
        field(row, "upn", str, ""),
        field(row, "old_provider", str, None),
        decision=Action(row["decision"]) if row.get("decision") else None,
        at=field(row, "at", datetime, None),
    )


def _encode(run: Run) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "PartitionKey": run.id[:6],
        "RowKey": run.id,
        "cause": str(run.cause),
        **encode_state(run.state),
        "started_at": run.started_at,
        "reason": clipped(run.reason),
        "page": run.page,
        "next_link": run.next_link or "",
        "scanned": run.scanned,
        **{f"count_{name}": value for name, value in run.counts.items()},
    }
    entity |= {"released": run.released, "interruptions": run.interruptions}
    entity |= {"holds": run.holds, "requested_by": run.requested_by}
    entity |= {"decided_by": run.decided_by, "ticket": run.ticket, "note": run.note}
    if run.by_name:
        entity["by_name"] = True
    if run.mode:
        entity["mode"] = str(run.mode)
    if run.finished_at:
        entity["finished_at"] = run.finished_at
    if run.not_before:
        entity["not_before"] = run.not_before
    if run.progressed_at:
        entity["progressed_at"] = run.progressed_at
    return entity


def _result_row(run: str, result: UserResult, now: datetime, began: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "PartitionKey": run,
        "RowKey": result.user_id,
        **encode_outcome(result.outcome),
        "decision": str(result.decision or ""),
        "reason": clipped(result.reason),
        "upn": result.upn,
        "at": now,
        "began_at": began,
    }
    if result.old_provider is not None:
        row["old_provider"] = result.old_provider
    if not is_canonical(result.user_id):
        row |= {"RowKey": _key_of(result.user_id), "name": result.user_id}
    return row


def _key_of(name: str) -> str:
    """Return the row of a user: the id, or a digest of a name, which may have characters that keys forbid."""
    if not name or is_canonical(name):
        return name
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _decode(row: dict[str, Any]) -> Run:
    mode = field(row, "mode", str, "")
    return Run(
        id=field(row, "RowKey", str),
        cause=Signal(row["cause"]),
        state=decode_state(row),
        started_at=field(row, "started_at", datetime),
        finished_at=field(row, "finished_at", datetime, None),
        reason=field(row, "reason", str),
        counts={
            name.removeprefix("count_"): field(row, name, int)
            for name in row
            if name.startswith("count_")
        },
        page=field(row, "page", int),
        next_link=field(row, "next_link", str) or None,
        scanned=field(row, "scanned", bool),
        released=field(row, "released", bool),
        interruptions=field(row, "interruptions", int),
        not_before=field(row, "not_before", datetime, None),
        mode=Mode(mode) if mode else None,
        holds=field(row, "holds", bool, False),
        requested_by=field(row, "requested_by", str, ""),
        decided_by=field(row, "decided_by", str, ""),
        ticket=field(row, "ticket", str, ""),
        note=field(row, "note", str, ""),
        by_name=field(row, "by_name", bool, False),
        progressed_at=field(row, "progressed_at", datetime, None),
        revision=row[ETAG],
    )
