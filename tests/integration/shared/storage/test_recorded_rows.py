"""What the app wrote before its modules moved (6a26332, recorded by running it) is still read: rows."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from local.azurite.server import Azurite
from shared.domain.claim import BegunChange
from shared.domain.move_request import MoveRequest, RequestPage
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Run, RunState, Signal, SweepPage, SweepRequest
from shared.domain.saved import KnownUser, ReplacedProvider
from shared.domain.subscription import ChangeSubscription, Secret
from shared.domain.user import AccountType, ProviderEntry, ServiceUser
from shared.errors import ConflictError
from shared.storage.move_requests import MoveRequestTable
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.sweep_pages import SweepPageTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from shared.storage.waiting import WaitingTable
from tests.fakes import NOON, FakeClock, guid

_NUMBERS = itertools.count(1)

type Rows = Sequence[Mapping[str, Any]]

SWEEP = "20261123T020000Z-sweep-1f2e3d4c"
REQUEST = "20261123T120000Z-request-1f2e3d4c"
PREVIEW = "20261123T130000Z-preview-1f2e3d4c"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

RUNS: Rows = [
    {
        "PartitionKey": "202611",
        "RowKey": SWEEP,
        "cause": "sweep",
        "state": "interrupted",
        "started_at": NOON,
        "reason": "Teams: no answer",
        "page": 2,
        "next_link": "/Teams.User/users?skipToken=x",
        "scanned": False,
        "count_users": 2000,
        "count_licensed": 7,
        "count_replace": 3,
        "released": False,
        "interruptions": 1,
        "not_before": NOON + MINUTE,
    },
    {
        "PartitionKey": "202611",
        "RowKey": REQUEST,
        "cause": "request",
        "state": "finished",
        "started_at": NOON,
        "reason": "",
        "page": 0,
        "next_link": "",
        "scanned": True,
        "count_users": 2,
        "count_moved": 1,
        "count_not_found": 1,
        "released": False,
        "interruptions": 0,
        "finished_at": NOON + HOUR,
    },
    {
        "PartitionKey": "202611",
        "RowKey": PREVIEW,
        "cause": "preview",
        "state": "running",
        "started_at": NOON,
        "reason": "",
        "page": 0,
        "next_link": "",
        "scanned": False,
        "count_users": 1,
        "released": False,
        "interruptions": 0,
    },
]
RESULTS: Rows = [
    {
        "PartitionKey": REQUEST,
        "RowKey": "00000000-0000-4000-8000-000000000001",
        "outcome": "moved",
        "reason": "the provider is InterCall",
        "upn": "adele@contoso.com",
        "at": NOON,
        "old_provider": "InterCall",
    },
    {
        "PartitionKey": REQUEST,
        "RowKey": "f169af3960ea0120e4d6850162a5387d",
        "outcome": "not_found",
        "reason": "the directory does not know the user",
        "upn": "nobody#1@contoso.com",
        "at": NOON,
        "name": "nobody#1@contoso.com",
    },
]
REQUESTS: Rows = [
    {
        "PartitionKey": REQUEST,
        "RowKey": "000001",
        "names": '["adele@contoso.com", "jürgen@x.example"]',
        "done": False,
    },
    {
        "PartitionKey": REQUEST,
        "RowKey": "000002",
        "names": '["00000000-0000-4000-8000-000000000001"]',
        "done": True,
    },
    {
        "PartitionKey": REQUEST,
        "RowKey": "wish",
        "provider": "InterCall",
        "send_email": True,
        "service_number": "+14255550100",
        "toll_free_number": "",
    },
    {
        "PartitionKey": PREVIEW,
        "RowKey": "wish",
        "provider": "",
        "send_email": False,
        "service_number": "",
        "toll_free_number": "",
    },
    {
        "PartitionKey": "keys",
        "RowKey": "3ae685b0c861b06f54df6d642e13249afc2c5f818b7b048447cb5a8b442b05bb",
        "run": REQUEST,
        "asked": "bdb546455ae24383b70f79f508eef488bd0da7050e69a457f2992ac2e6b2749a",
    },
]
USERS: Rows = [
    {
        "PartitionKey": "0",
        "RowKey": "00000000-0000-4000-8000-000000000001",
        "outcome": "moved",
        "reason": "the provider is InterCall",
        "cause": "license_event",
        "looked_at": NOON,
        "upn": "adele@contoso.com",
        "moved_at": NOON,
        "old_provider": "InterCall",
    },
    {
        "PartitionKey": "0",
        "RowKey": "00000000-0000-4000-8000-000000000002",
        "outcome": "already_microsoft",
        "reason": "Microsoft is the provider",
        "cause": "sweep",
        "looked_at": NOON + HOUR,
    },
]
WAITING: Rows = [
    {
        "PartitionKey": "due",
        "RowKey": "00000000-0000-4000-8000-000000000001",
        "upn": "adele@contoso.com",
        "cause": "provisioning",
        "reason": "Teams does not know the user yet",
        "since": NOON,
        "looked_at": NOON,
        "attempt": 2,
        "failures": 1,
        "reprocessed": True,
        "operation": "0123456789abcdef",
        "due": NOON + MINUTE,
    },
    {
        "PartitionKey": "due",
        "RowKey": "00000000-0000-4000-8000-000000000003",
        "upn": "",
        "cause": "second_look",
        "reason": "no audio conferencing plan",
        "since": NOON,
        "looked_at": NOON,
        "attempt": 1,
        "failures": 0,
        "reprocessed": False,
        "operation": "",
        "due": NOON + 5 * MINUTE,
    },
    {
        "PartitionKey": "attention",
        "RowKey": "00000000-0000-4000-8000-000000000002",
        "upn": "",
        "cause": "failure",
        "reason": "HTTP 403",
        "since": NOON,
        "looked_at": NOON,
        "attempt": 1,
        "failures": 0,
        "reprocessed": False,
        "operation": "",
    },
]
REPLACED: Rows = [
    {
        "PartitionKey": "00000000-0000-4000-8000-000000000001",
        "RowKey": "9c58189aa20451f599988268006b2e56",
        "upn": "adele@contoso.com",
        "provider": "InterCall",
        "entries": '[{"default": true, "domain": "intercall.example", "name": "InterCall", '
        '"other": "{\\"new\\": 1}", "passcode": "73519846", "toll_free_number": "+18000100", '
        '"toll_number": "+15550100", "url": "https://intercall.example/ü"}, {"default": false, '
        '"domain": "resources.lync.com", "name": "Microsoft", "passcode": "0", '
        '"toll_free_number": "", "toll_number": "", "url": ""}]',
        "saved_at": NOON,
        "for_move_at": NOON,
    },
]
ENTRIES = (
    ProviderEntry(
        "InterCall",
        "intercall.example",
        "+15550100",
        "+18000100",
        "73519846",
        "https://intercall.example/ü",
        True,
        '{"new": 1}',
    ),
    ProviderEntry("Microsoft", "resources.lync.com", "", "", "0", "", False),
)
PLANS: Rows = [
    {
        "PartitionKey": SWEEP,
        "RowKey": "000002",
        "licensed": b"\x00\x00\x00\x00\x00\x00@\x00\x80\x00\x00\x00\x00\x00\x00\x01"
        b"\x00\x00\x00\x00\x00\x00@\x00\x80\x00\x00\x00\x00\x00\x00\x02",
        "to_queue": b"\x00\x00\x00\x00\x00\x00@\x00\x80\x00\x00\x00\x00\x00\x00\x02",
        "sent": True,
    },
]
STATE: Rows = [
    {
        "PartitionKey": "state",
        "RowKey": "subscription",
        "secrets": '[{"client_state": "new", "subscription_id": "id-1", "valid_until": ""}, '
        '{"client_state": "old", "subscription_id": "id-0", '
        '"valid_until": "2026-11-23T12:00:00+00:00"}]',
        "subscription_id": "id-1",
        "created_at": NOON,
        "expires_at": NOON + timedelta(days=7),
    },
    {
        "PartitionKey": "state",
        "RowKey": "delta",
        "link": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=x",
    },
    {"PartitionKey": "state", "RowKey": "sweep", "run": SWEEP},
    {"PartitionKey": "state", "RowKey": "sweep-request", "wanted": True},
    {"PartitionKey": "released-sweep", "RowKey": "20261123T010000Z-sweep-1f2e3d4c"},
    {
        "PartitionKey": "state",
        "RowKey": "lease-sweep",
        "owner": "0123456789abcdef",
        "until": NOON + 5 * MINUTE,
    },
]
RECORDED = {
    "runs": RUNS,
    "runresults": RESULTS,
    "requests": REQUESTS,
    "users": USERS,
    "waiting": WAITING,
    "replacedproviders": REPLACED,
    "plans": PLANS,
    "state": STATE,
}


@pytest.fixture(scope="module")
async def tables(azurite_server: Azurite) -> AsyncIterator[Tables]:
    """Tables with the rows of before, written past the app's own code; each test has its own rows."""
    prefix, connection = f"r{next(_NUMBERS)}x", azurite_server.connection_string
    async with TableServiceClient.from_connection_string(connection) as service:
        for name, rows in RECORDED.items():
            client = await service.create_table(prefix + name)
            for row in rows:
                await client.create_entity(row)
    opened = Tables.open(prefix, connection=connection)
    yield opened
    await opened.close()


async def test_runs(tables: Tables) -> None:
    """An interrupted sweep resumes from its page; requests and dry runs keep their counts."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    sweep = Run(
        SWEEP,
        Signal.SWEEP,
        RunState.INTERRUPTED,
        NOON,
        reason="Teams: no answer",
        counts={"users": 2000, "licensed": 7, "replace": 3},
        page=2,
        next_link="/Teams.User/users?skipToken=x",
        interruptions=1,
        not_before=NOON + MINUTE,
    )
    request = Run(
        REQUEST,
        Signal.REQUEST,
        RunState.FINISHED,
        NOON,
        NOON + HOUR,
        counts={"users": 2, "moved": 1, "not_found": 1},
        scanned=True,
    )
    preview = Run(PREVIEW, Signal.PREVIEW, RunState.RUNNING, NOON, counts={"users": 1})
    found = [run async for run in runs.back_to(NOON.date(), NOON)]
    assert found == [preview, request, sweep]
    assert await runs.find_run(SWEEP) == sweep


async def test_results(tables: Tables) -> None:
    """Each user's outcome, and names that are no key; a later one replaces the same row."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    unknown = UserResult(
        "nobody#1@contoso.com",
        Outcome.NOT_FOUND,
        "the directory does not know the user",
        "nobody#1@contoso.com",
    )
    moved = UserResult(
        guid(1), Outcome.MOVED, "the provider is InterCall", "adele@contoso.com", "InterCall"
    )
    assert [result async for result in runs.results(REQUEST)] == [moved, unknown]
    await runs.record_results(REQUEST, [moved, unknown], NOON)
    assert [result async for result in runs.results(REQUEST)] == [moved, unknown]


async def test_requests(tables: Tables) -> None:
    """Pages, provider and options of a run that goes on after the update."""
    requests = MoveRequestTable(tables.table("requests"))
    assert [page async for page in requests.pages(REQUEST)] == [
        RequestPage(1, ["adele@contoso.com", "jürgen@x.example"]),
        RequestPage(2, [guid(1)], done=True),
    ]
    assert await requests.is_left(REQUEST)
    options = MoveOptions(True, "+14255550100")
    assert await requests.request(REQUEST) == MoveRequest(provider="InterCall", options=options)
    assert await requests.request(PREVIEW) == MoveRequest()


async def test_idempotency_key(tables: Tables) -> None:
    """The same request with its key has its run; another one with that key is refused."""
    requests = MoveRequestTable(tables.table("requests"))
    key = f"{Signal.REQUEST}/once"
    asked = MoveRequest(provider="InterCall")
    assert await requests.run_of(key, "another-run", asked.fingerprint) == REQUEST
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        await requests.run_of(key, "another-run", MoveRequest().fingerprint)


async def test_users(tables: Tables) -> None:
    """The last known states, also of a user who was never moved."""
    users = UserTable(tables.table("users"))
    moved = KnownUser(guid(1), Outcome.MOVED, "the provider is InterCall", NOON, NOON, "InterCall")
    already = KnownUser(
        guid(2), Outcome.ALREADY_MICROSOFT, "Microsoft is the provider", None, NOON + HOUR
    )
    assert [user async for user in users.all()] == [moved, already]
    assert await users.known(guid(1)) == moved


async def test_waiting(tables: Tables) -> None:
    """Users who wait, for whatever reason, and those who need attention."""
    waiting = WaitingTable(tables.table("waiting"), FakeClock())
    provisioning = Waiting(
        guid(1),
        WaitReason.PROVISIONING,
        "Teams does not know the user yet",
        NOON,
        NOON + MINUTE,
        NOON,
        attempt=2,
        failures=1,
        upn="adele@contoso.com",
        reprocessed=True,
        operation="0123456789abcdef",
    )
    second_look = Waiting(
        guid(3),
        WaitReason.SECOND_LOOK,
        "no audio conferencing plan",
        NOON,
        NOON + 5 * MINUTE,
        NOON,
    )
    assert [row async for row in waiting.waiting()] == [provisioning, second_look]
    assert [user.user_id async for user in waiting.due(NOON + MINUTE)] == [guid(2), guid(1)]
    needs_person = replace(ask_person(guid(2), "", "HTTP 403", NOON), due=NOON)
    assert [row async for row in waiting.attention()] == [needs_person]


async def test_saved_entries(tables: Tables) -> None:
    """Every field is there, also those that the app does not know; the digest of before knew their order,
    so that saving several once more adds one record, and no more."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    record = ReplacedProvider(guid(1), "InterCall", ENTRIES, NOON, "adele@contoso.com")
    begun = replace(record, begun_at=NOON)
    assert await replaced.of(guid(1)) == [begun]
    assert await replaced.begun(guid(1)) == [BegunChange("InterCall", NOON)]
    user = ServiceUser(guid(1), "adele@contoso.com", AccountType.USER, True, ENTRIES)
    await replaced.save_entries(user, NOON + HOUR)
    assert not await replaced.save_entries(user, NOON + 2 * HOUR)
    again = replace(record, saved_at=NOON + HOUR)
    assert await replaced.of(guid(1)) == [begun, again]


async def test_sweep_pages(tables: Tables) -> None:
    """The packed users of a sweep that goes on after the update."""
    pages = SweepPageTable(tables.table("plans"))
    found = [page async for page in pages.pages(SWEEP)]
    assert found == [SweepPage(2, [guid(1), guid(2)], [guid(2)], sent=True)]


async def test_state(tables: Tables) -> None:
    """Subscription with its secrets, delta link, sweeps and lease."""
    state = StateTable(tables.table("state"))
    assert await state.subscription() == ChangeSubscription(
        (Secret("new", "id-1"), Secret("old", "id-0", "2026-11-23T12:00:00+00:00")),
        "id-1",
        NOON,
        NOON + timedelta(days=7),
    )
    assert await state.delta_link() == "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=x"
    assert await state.delta_at() is not None
    assert await state.current_sweep() == SWEEP
    assert await state.sweep_request() == SweepRequest()
    assert await state.released_sweeps() == ["20261123T010000Z-sweep-1f2e3d4c"]
    assert not await state.acquire("sweep", "another", NOON, MINUTE)
    assert await state.acquire("sweep", "0123456789abcdef", NOON, MINUTE, renew=True)
