"""`acp forget` against the real Azurite: one person goes from every table, the neighbors stay."""

import itertools
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from local.azurite.server import Azurite
from shared.domain.decision import Rules
from shared.domain.held import HeldUser
from shared.domain.history import HistoryEvent, HistoryRecord
from shared.domain.move_request import RequestPage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.retry import ask_person
from shared.domain.roster import RosterEntry, Standing
from shared.domain.run import Run, RunState, Signal, SweepPage
from shared.domain.stored import STORED, Person, Rows
from shared.errors import ConflictError, NoSuchItemError
from shared.services.admin.forget import Forgetter
from shared.services.admin.people import People
from shared.storage.guard import GuardTable
from shared.storage.held import HeldTable
from shared.storage.history import HistoryTable
from shared.storage.move_requests import MoveRequestTable
from shared.storage.personal import FORGETTERS, PersonalTables
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.roster import RosterTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.sweep_pages import SweepPageTable
from shared.storage.tables import Table, Tables
from shared.storage.users import UserTable
from shared.storage.waiting import WaitingTable
from shared.storage.wire import Entity
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    guid,
    in_service,
    licensed,
    third_party,
)
from tests.loglines import Lines

_NUMBERS = itertools.count()
ANNA, OTHER = guid(1), guid(2)
RUN = "20261123T120000Z-request-1f2e3d4c"


@dataclass
class World:
    """The tables with rows of two users, Anna, who had two addresses, and another."""

    tables: Tables
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    excluded: frozenset[str] = frozenset()

    @property
    def forgetter(self) -> Forgetter:
        """What forgets."""
        return Forgetter(
            people=People(self.directory, PersonalTables(self.tables)),
            data=PersonalTables(self.tables),
            state=StateTable(self.tables.table("state")),
            rules=Rules(excluded=self.excluded),
            unreadable=self.tables.unreadable.counts,
            clock=FakeClock(),
            log=EventLog("acp.forget"),
        )

    async def fill(self) -> None:
        """Write rows of both into every table that has any."""
        table = self.tables.table
        runs = RunTable(table("runs"), table("runresults"))
        requests = MoveRequestTable(table("requests"))
        waiting = WaitingTable(table("waiting"), FakeClock())
        replaced = ReplacedProviderTable(table("replacedproviders"))
        for user, name in ((ANNA, "Anna.New@x.example"), (OTHER, "other@x.example")):
            result = UserResult(user, Outcome.MOVED, "x", name)
            await UserTable(table("users")).record_result(result, Signal.SWEEP, NOON)
            await runs.record_results(RUN, [result], NOON)
            await waiting.save_waiting(ask_person(user, name, "x", NOON))
            held = HeldUser(user, name, "BT", Signal.SWEEP, RUN, NOON, "x")
            await HeldTable(table("held")).add_held(held)
            event = HistoryRecord(user, HistoryEvent.MOVED, NOON, name)
            await HistoryTable(table("history")).add(event)
            slot = 1 if user == ANNA else 2
            await GuardTable(table("guard")).take("replaced", slot, user, NOON, None)
            seen = RosterEntry(user, Standing.READY, "x", NOON, name)
            await RosterTable(table("roster")).note([seen], NOON)
            await requests.mark_mailed(RUN, user)
        for number, provider in ((1, "BT"), (1, "PGi"), (2, "BT")):
            await replaced.save_entries(in_service(number, third_party(provider)), NOON)
        old = [UserResult(ANNA, Outcome.FAILED, "x", "anna.old@x.example")]
        as_given = UserResult("ANNA.old@x.example", Outcome.NOT_FOUND, "x")
        await runs.record_results(f"{RUN}0", [*old, as_given], NOON)
        names = ["Anna.OLD@x.example", "other@x.example", ANNA.upper(), "anna.new@X.example"]
        await requests.save_page(RUN, RequestPage(0, names))
        await requests.save_page(RUN, RequestPage(1, ["other@x.example"]))
        page = SweepPage(0, [ANNA, OTHER], [OTHER, ANNA])
        await SweepPageTable(table("plans")).save_sweep_page(RUN, page)
        state = StateTable(table("state"))
        await state.save_excluded_ids({"anna.old@x.example": ANNA, "other@x.example": OTHER}, {})
        for partition in ("due", "attention"):
            await table("waiting").merge(
                {"PartitionKey": partition, "RowKey": ANNA, "looked_at": NOON}
            )

    async def everything(self) -> str:
        """Every row of every table, as text; packed ids as ids."""
        found: list[object] = []
        for stored in STORED:
            rows = self.tables.table(stored.name).query("PartitionKey ge @first", {"first": "0"})
            found += [{**row} async for row in rows]
        pages = SweepPageTable(self.tables.table("plans")).pages(RUN)
        found += [[*page.licensed, *page.to_queue] async for page in pages]
        return json.dumps(found, default=str)


@pytest.fixture
async def world(azurite_server: Azurite) -> AsyncIterator[World]:
    """Tables of this test alone."""
    opened = Tables.open(f"f{next(_NUMBERS)}x", connection=azurite_server.connection_string)
    made = World(opened)
    made.directory.add(licensed(2))
    await made.fill()
    yield made
    await opened.close()


_PARTS = {
    "user": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "digit": "[0-9a-f]",
    "quarter": "0-3|4-7|8-b|c-f",
    "run": r"20\d{6}T\d{6}Z-[\w-]+",
    "month": r"20\d{4}",
    "digest": "[0-9a-f]{32,64}",
    "countdown": r"\d{14}",
    "page": r"\d{6}",
    "slot": r"\d+",
    "day": r"\d{4}-\d\d-\d\d",
    "moment": r"20\d{6}T\d{6}Z",
    "name": "[a-z0-9-]+",
    "event": "[a-z_]+",
    "list": "[a-z_]+",
    "address": "[^|]*",
}
"""What stands for each part of a key that docs/storage.md names in braces."""


def _pattern(key: str) -> str:
    return re.sub(r"\\{(\w+)\\}", lambda part: f"(?:{_PARTS[part[1]]})", re.escape(key))


async def test_every_row_has_the_keys_that_the_page_gives_it(world: World) -> None:
    """docs/storage.md and what the tables write; rows of the version before in `waiting` aside."""
    table = world.tables.table
    await StateTable(table("state")).add_action("forget", "op@x.example", "", NOON)
    run = Run(RUN, Signal.REQUEST, RunState.RUNNING, NOON)
    await RunTable(table("runs"), table("runresults")).save_run(run)
    found: set[tuple[str, Rows]] = set()
    for stored in STORED:
        rows = world.tables.table(stored.name).query("PartitionKey ge @first", {"first": "0"})
        async for row in rows:
            keys = str(row["PartitionKey"]), str(row["RowKey"])
            kinds = [
                kind
                for kind in stored.rows
                if re.fullmatch(_pattern(kind.partition), keys[0])
                and re.fullmatch(_pattern(kind.row), keys[1])
            ]
            old = stored.name == "waiting" and keys[0] in ("due", "attention")
            assert kinds or old, (stored.name, *keys)
            found.update((stored.name, kind) for kind in kinds)
    assert {name for name, _ in found} == {stored.name for stored in STORED}


@pytest.mark.parametrize("name", [ANNA, "anna.new@x.example", "Anna.Old@x.example"])
async def test_a_person_goes_from_every_table(
    world: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By id, today's or an earlier name: no id and no name is left anywhere, and the neighbor is whole."""
    lines = Lines(caplog)
    before = await world.everything()
    done = await world.forgetter.forget(
        await world.forgetter.find(name), RequestedBy("op@x.example")
    )
    assert done.rows == {
        "users": 1,
        "replacedproviders": 2,
        "waiting": 3,
        "runresults": 3,
        "requests": 2,
        "plans": 1,
        "state": 1,
        "held": 1,
        "guard": 1,
        "history": 1,
        "roster": 1,
    }
    after = await world.everything()
    for trace in (ANNA, "anna"):
        assert trace in before.lower()
        assert trace not in after.lower()
    assert after.lower().count(OTHER) == before.lower().count(OTHER)
    assert after.count("other@x.example") == before.count("other@x.example")
    said = lines.one("forgotten")
    assert (said["by"], said["rows"]) == ("op@x.example", "17")
    assert "op@x.example" in after  # the action is recorded


async def test_it_can_be_repeated(world: World) -> None:
    """Nothing is left to delete the second time, and it is no error."""
    found = await world.forgetter.find(ANNA)
    await world.forgetter.forget(found, RequestedBy("op"))
    done = await world.forgetter.forget(await world.forgetter.find(ANNA), RequestedBy("op"))
    assert set(done.rows.values()) == {0}


async def test_rows_that_cannot_be_read_are_passed_over_and_named(world: World) -> None:
    """Anna goes from all others; the note says which tables to look at."""
    for name, keys in (("requests", (RUN, "000001")), ("plans", (RUN, "000000"))):
        row = {"PartitionKey": keys[0], "RowKey": keys[1], "names": "[7]", "licensed": "x"}
        await world.tables.table(name).merge(row)
    done = await world.forgetter.forget(await world.forgetter.find(ANNA), RequestedBy("op"))
    assert (done.rows["requests"], done.rows["plans"], done.rows["users"]) == (2, 0, 1)
    says = "1 row cannot be read and may name the user; repair or delete them"
    assert [note.partition("x")[2] for note in done.notes if "cannot be" in note] == [
        f"plans: {says}",
        f"requests: {says}",
    ]


async def test_a_page_that_a_run_writes_meanwhile_loses_nothing(world: World) -> None:
    """Forgetting carries an ETag: what was written between its read and its write stays."""
    table = world.tables.table("requests")
    requests = MoveRequestTable(table)
    written: list[str] = []

    class Meanwhile(Table):
        """Marks the page as done before the first guarded write."""

        async def merge_if_unchanged(self, entity: Entity, etag: str) -> str:
            if not written:
                await requests.mark_done(RUN, 0)
            written.append(await super().merge_if_unchanged(entity, etag))
            return written[-1]

    client = vars(table)["_client"]
    person = Person(ANNA, frozenset({"anna.old@x.example", "anna.new@x.example"}))
    assert await FORGETTERS["requests"](Meanwhile(client, "requests"), person) == 2
    assert written[0] == ""
    assert await requests.page(RUN, 0) == RequestPage(0, ["other@x.example"], done=True)


async def test_who_is_excluded_by_name_stays_excluded(world: World) -> None:
    """The remembered id is kept and that is said: without it a renamed user could be changed."""
    world.excluded = frozenset({"anna.old@x.example"})
    done = await world.forgetter.forget(await world.forgetter.find(ANNA), RequestedBy("op"))
    assert "state" not in done.rows
    assert any("ACP_EXCLUDED_USERS names the user" in note for note in done.notes)
    kept = await StateTable(world.tables.table("state")).excluded_ids()
    assert kept["anna.old@x.example"] == ANNA


async def test_who_is_licensed_will_be_seen_again(world: World) -> None:
    """That is said, for a licensed user only."""
    for name, says in (("user2@contoso.example", True), (ANNA, False)):
        user = world.directory.known[OTHER].upn if says else name
        done = await world.forgetter.forget(await world.forgetter.find(user), RequestedBy("op"))
        assert any("recorded again" in note for note in done.notes) is says


async def test_a_name_of_nobody_or_of_several_is_refused(world: World) -> None:
    """Nothing is deleted on a guess."""
    with pytest.raises(NoSuchItemError, match="neither the directory nor a table"):
        await world.forgetter.find("nobody@x.example")
    shared = UserResult(guid(3), Outcome.FAILED, "x", "anna.old@x.example")
    users = UserTable(world.tables.table("users"))
    await users.record_result(shared, Signal.SWEEP, NOON + timedelta(days=1))
    with pytest.raises(ConflictError, match="several users had this address"):
        await world.forgetter.find("anna.old@x.example")
