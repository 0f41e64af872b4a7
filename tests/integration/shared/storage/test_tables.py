"""The tables against the real Azurite: what is written is there, once, whatever happens around it."""

import asyncio
import socket
from dataclasses import replace

import pytest

from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Run, RunState, Signal, SweepPage
from shared.errors import (
    StorageError,
    UnreadableRowError,
)
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.sweep_pages import SweepPageTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from tests.fakes import (
    NOON,
    guid,
    in_service,
    third_party,
)


async def test_rows_of_a_later_version_hide_no_other(tables: Tables) -> None:
    """After a rollback: an outcome, a state and entries that are not known are passed over, everywhere."""
    users, replaced = (
        UserTable(tables.table("users")),
        ReplacedProviderTable(tables.table("replacedproviders")),
    )
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    run = Run("20261123T120000Z-sweep-1", Signal.SWEEP, RunState.FINISHED, NOON)
    later = "20261123T130000Z-sweep-2"
    await runs.save_run(run)
    await runs.save_run(replace(run, id=later))
    for number in (1, 2):
        result = UserResult(guid(number), Outcome.MOVED, "why", old_provider="BT")
        await users.record_result(result, Signal.SWEEP, NOON)
        await runs.record_results(run.id, [result], NOON)
        await replaced.save_entries(in_service(number, third_party()), NOON)
    strange = {
        "users": {"PartitionKey": "0", "RowKey": guid(1), "outcome": "teleported"},
        "runresults": {"PartitionKey": run.id, "RowKey": guid(1), "outcome": "teleported"},
        "runs": {"PartitionKey": "202611", "RowKey": later, "state": "dreaming"},
    }
    for table, row in strange.items():
        await tables.table(table).merge(row)
    (row,) = [
        row
        async for row in tables.table("replacedproviders").query(
            "PartitionKey eq @user", {"user": guid(1)}
        )
    ]
    await tables.table("replacedproviders").merge({**row, "entries": '[{"name": "x", "new": 1}]'})
    assert [each.user_id async for each in users.all()] == [guid(2)]
    assert [each.user_id async for each in runs.results(run.id)] == [guid(2)]
    assert [each async for each in runs.back_to(NOON.date(), NOON)] == [run]
    assert [each.user_id async for each in replaced.all()] == [guid(2)]
    assert await users.known(guid(1)) is None
    with pytest.raises(UnreadableRowError):
        await runs.find_run(later)
    assert await replaced.of(guid(1)) == []


async def test_pages_of_a_sweep(tables: Tables) -> None:
    """Pages come back in order; one that is written again, by whomever, loses no user."""
    pages = SweepPageTable(tables.table("plans"))
    users = [guid(number) for number in range(1000)]
    await pages.save_sweep_page("run", SweepPage(2, users, users[:3]))
    await pages.save_sweep_page("run", SweepPage(1, [], [guid(7)]))
    await pages.save_sweep_page("run", SweepPage(1, users[:1], []))
    await pages.mark_sent("run", 2)
    assert [page async for page in pages.pages("run")] == [
        SweepPage(1, users[:1], [guid(7)]),
        SweepPage(2, users, users[:3], sent=True),
    ]
    many = [SweepPage(number, users[:1], []) for number in range(3, 40)]
    await asyncio.gather(*(pages.save_sweep_page("run", page) for page in many))
    more = [page async for page in pages.pages("run")]
    assert more[2:] == many, "also those that the storage does not return at once"
    await pages.delete("run")
    assert [page async for page in pages.pages("run")] == []


async def test_storage_that_is_gone_is_one_kind_of_error() -> None:
    """Without storage every table says so with our error, naming what was tried, and no key."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    connection = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=c2VjcmV0;"
        f"TableEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    )
    tables = Tables.open("x", connection=connection, timeout=1)
    try:
        with pytest.raises(StorageError, match=r"storage: create in table xstate failed") as caught:
            await StateTable(tables.table("state")).probe()
        assert "c2VjcmV0" not in str(caught.value)
    finally:
        await tables.close()
