"""Rollback: what this version writes is read by version 6a26332, whose decoders are recorded here.

Each table's facts are what that version's reader takes from a row: properties that it needs, with their
type or the only values that it knows. A property that it does not know, it does not read. Recorded from
its modules `shared/storage/{users,runs,requests,replaced,plans,state}.py`; its `waiting` had other
partitions: it does not see the rows of this version, and its sweep finds those users.
"""

import itertools
import json
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, timedelta

import pytest

from local.azurite.server import Azurite
from shared.domain.claim import Claim
from shared.domain.decision import Action
from shared.domain.move_request import MoveRequest, RequestPage
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import ask_person
from shared.domain.run import Mode, Run, RunState, Signal, SweepPage
from shared.domain.subscription import ChangeSubscription, Secret
from shared.storage.move_requests import MoveRequestTable
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.sweep_pages import SweepPageTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from shared.storage.waiting import WaitingTable
from shared.storage.wire import Entity
from tests.fakes import NOON, FakeClock, conferencing, guid, in_service, microsoft, third_party

type Fact = type | Collection[str]

OUTCOMES = frozenset(
    {
        *("moved", "already_microsoft", "waiting", "unlicensed", "excluded", "not_found"),
        *("failed", "would_move"),
    }
)
STATES = frozenset({"running", "interrupted", "held", "released", "finished", "failed"})
ENTRY = frozenset(
    {"name", "domain", "toll_number", "toll_free_number", "passcode", "url", "default", "other"}
)
"""The fields of a saved entry; that version refused any other, and needed all but the last."""

FACTS: Mapping[str, Mapping[str, Fact]] = {
    "users": {"outcome": OUTCOMES, "reason": str},
    "runresults": {"outcome": OUTCOMES, "reason": str},
    "runs": {
        "cause": str,
        "state": STATES,
        "started_at": datetime,
        "reason": str,
        "page": int,
        "next_link": str,
        "scanned": bool,
        "released": bool,
        "interruptions": int,
    },
    "replacedproviders": {"provider": str, "entries": str, "saved_at": datetime},
    "plans": {"licensed": bytes, "to_queue": bytes, "sent": bool},
}
REQUESTS: Mapping[str, Mapping[str, Fact]] = {
    "0": {"names": str, "done": bool},
    "w": {"provider": str, "send_email": bool, "service_number": str, "toll_free_number": str},
}
"""By the first character of the row key: pages, and the options of a request."""


async def rows(tables: Tables, name: str) -> list[Entity]:
    """Every row of a table."""
    return [dict(row) async for row in tables.table(name).query("PartitionKey ge @a", {"a": " "})]


def unreadable(row: Entity, facts: Mapping[str, Fact]) -> list[str]:
    """The properties of a row that the version before could not read."""
    return [
        name
        for name, fact in facts.items()
        if not (
            isinstance(row.get(name), fact) if isinstance(fact, type) else row.get(name) in fact
        )
    ]


@pytest.fixture(scope="module")
async def filled(azurite_server: Azurite) -> AsyncIterator[Tables]:
    """Tables with every kind of row, with every value that this version knows; nobody changes them."""
    tables = Tables.open("rollback", connection=azurite_server.connection_string)
    await _fill(tables)
    yield tables
    await tables.close()


async def _fill(tables: Tables) -> None:
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    users = UserTable(tables.table("users"))
    results = [
        UserResult(guid(number), outcome, "why", "a@x.example", "BT", decision=action)
        for number, (outcome, action) in enumerate(itertools.product(Outcome, [*Action, None]), 1)
    ]
    for result in results:
        await users.record_result(result, Signal.SWEEP, NOON, "run-1")
    for some in itertools.batched(results, 100, strict=False):
        await runs.record_results("run-1", some, NOON)
    await runs.record_results("run-1", [UserResult("a#b@x", Outcome.NOT_FOUND, "")], NOON)
    each = zip(itertools.product(Signal, RunState), itertools.cycle([*Mode, None]), strict=False)
    for number, ((signal, state), mode) in enumerate(each):
        await runs.save_run(
            Run(
                f"20261123T120000Z-{signal}-{number}",
                signal,
                state,
                NOON,
                NOON,
                "why",
                {"names": 3, "users": 1, "change_bridge_4930": 2},
                not_before=NOON,
                mode=mode,
            )
        )
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    claim, user = Claim("attempt", NOON, "run-1"), in_service(1, microsoft())
    await replaced.claim(in_service(1, third_party()), claim, Action.REPLACE)
    await replaced.claim(user, claim, Action.CHANGE_BRIDGE)
    await replaced.save_conferencing(conferencing(guid(1)), "a@x.example", NOON)
    requests = MoveRequestTable(tables.table("requests"))
    options = MoveOptions(True, "+14255550100", "+18005550100")
    await requests.save_request("run-1", MoveRequest(("a@x.example",), options=options, named=3))
    await requests.save_page("run-1", RequestPage(1, ["a@x.example"]))
    await requests.claim_page("run-1", 1, NOON, NOON + timedelta(minutes=10))
    await requests.mark_mailed("run-1", guid(1))
    pages = SweepPageTable(tables.table("plans"))
    await pages.save_sweep_page("run-1", SweepPage(1, [guid(1)], [guid(1)]))
    own = StateTable(tables.table("state"))
    await own.save_subscription(
        ChangeSubscription((Secret("new", "id-1"),), "id-1", NOON, NOON + timedelta(days=7)), None
    )
    await own.save_excluded_ids({"a@x.example": guid(1)}, {})
    waiting = WaitingTable(tables.table("waiting"), FakeClock())
    await waiting.save_waiting(ask_person(guid(1), "", "why", NOON))


async def test_every_row_is_read_by_the_version_before(filled: Tables) -> None:
    """Each table: what that version's decoder needs is there, and no value is new to it."""
    for table, facts in FACTS.items():
        found = await rows(filled, table)
        assert found, table
        assert [each for row in found for each in unreadable(row, facts)] == [], table
    for row in await rows(filled, "replacedproviders"):
        for entry in json.loads(row["entries"]):
            assert ENTRY - {"other"} <= entry.keys() <= ENTRY
        assert ("for_move_at" in row) is (row["provider"] == "InterCall"), "no move from Microsoft"


async def test_its_queries_find_the_rows_that_they_are_for(filled: Tables) -> None:
    """Pages of a request stand before its options, all else after them; its lists of waiting are empty."""
    keys = sorted(row["RowKey"] for row in await rows(filled, "requests"))
    assert [key for key in keys if key < "wish"] == ["000001"]
    for row in await rows(filled, "requests"):
        assert unreadable(row, REQUESTS.get(row["RowKey"][0], {})) == []
    listed = [row for row in await rows(filled, "waiting") if len(row["PartitionKey"]) > 1]
    assert listed == []


async def test_its_subscription_has_the_secrets_that_it_knows(filled: Tables) -> None:
    """The one row whose fields it takes as they are."""
    (row,) = [row for row in await rows(filled, "state") if row["RowKey"] == "subscription"]
    known = {"client_state", "subscription_id", "valid_until"}
    assert all(set(secret) <= known for secret in json.loads(row["secrets"]))
    assert unreadable(row, {"subscription_id": str, "secrets": str}) == []
