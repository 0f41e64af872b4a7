"""Forgetting a person: who is found by which name, and what is deleted, kept, told and recorded."""

from dataclasses import dataclass, field, replace

import pytest

from shared.domain.decision import Rules
from shared.domain.pause import RequestedBy
from shared.domain.stored import Person
from shared.errors import ConflictError, NoSuchItemError, UnreachableError
from shared.services.admin.forget import TABLES, Forgetter, Forgetting, Found
from shared.services.admin.people import People
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeClock, FakeDirectory, FakeState, guid, licensed
from tests.loglines import Lines

ADELE = RequestedBy("adele", "id-1", note="asked")
USER = licensed(1)
ELSEWHERE = (
    "queues: a message under way may name the id; it goes when the message is processed",
    "log and undelivered events: they are deleted after their own retention",
)
KEPT = (
    "state: the id is kept, because ACP_EXCLUDED_USERS names the user: forgetting it could end the "
    "exclusion"
)
LICENSED = (
    "the user has a license and will be recorded again at the next attempt: exclude the user first "
    "(ACP_EXCLUDED_USERS) to prevent that"
)


@dataclass
class Data:
    """What is stored of persons, by name; two rows in each table."""

    ids: dict[str, set[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    forgotten: list[tuple[str, Person]] = field(default_factory=list)

    async def ids_of(self, name: str) -> set[str]:
        return self.ids.get(name, set())

    async def names_of(self, user_id: str) -> set[str]:
        return {each for each in self.names if user_id}

    async def forget(self, table: str, person: Person) -> int:
        self.forgotten.append((table, person))
        return 2


@dataclass
class World:
    """A forgetter and what it works on."""

    data: Data = field(default_factory=Data)
    state: FakeState = field(default_factory=FakeState)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    rules: Rules = field(default_factory=Rules)
    unreadable: dict[str, int] = field(default_factory=dict)

    def forgetter(self) -> Forgetter:
        return Forgetter(
            people=People(self.directory, self.data),
            data=self.data,
            state=self.state,
            rules=self.rules,
            unreadable=lambda: self.unreadable,
            clock=FakeClock(),
            log=EventLog("acp.forget"),
        )


@pytest.mark.parametrize("name", [guid(1), USER.upn])
async def test_a_user_of_the_directory_is_found_with_every_name(name: str) -> None:
    """By id or address; the names of the past come from the tables, in lower case."""
    world = World(Data(names={"old@x"}))
    world.directory.add(replace(USER, upn=USER.upn.title()))
    world.directory.known[USER.upn] = world.directory.known[guid(1)]
    found = await world.forgetter().find(name)
    names = frozenset({"old@x", USER.upn})
    assert found == Found(Person(guid(1), names), USER.upn.title(), True)


async def test_an_address_of_the_past_leads_to_the_user() -> None:
    """Whether the directory still knows the person or not."""
    world = World(Data({"Old@x": {guid(1)}}))
    gone = await world.forgetter().find("Old@x")
    assert gone == Found(Person(guid(1), frozenset({"old@x"})), "Old@x", False)
    world.directory.add(replace(USER, plan_status=None))
    there = await world.forgetter().find("Old@x")
    assert there == Found(Person(guid(1), frozenset({"old@x", USER.upn})), USER.upn, False)
    assert await world.forgetter().find(guid(7)) == Found(Person(guid(7)), guid(7), False)


async def test_a_name_that_is_not_one_persons() -> None:
    """Several had it, nobody had it, or the directory does not answer: nobody is forgotten."""
    world = World(Data({"two@x": {"b", "a"}}))
    with pytest.raises(
        ConflictError, match=r"^user 'two@x': several .*; give one of \['a', 'b'\]$"
    ):
        await world.forgetter().find("two@x")
    nobody = "^user 'no@x': neither the directory nor a table knows such a user$"
    with pytest.raises(NoSuchItemError, match=nobody):
        await world.forgetter().find("no@x")
    world.directory.down = UnreachableError("Graph", "GET", "x")
    with pytest.raises(UnreachableError):
        await world.forgetter().find(guid(1))


PERSON = Person(guid(1), frozenset({"a@x"}))


@pytest.mark.parametrize(
    ("excluded", "remembered", "kept"),
    [
        (frozenset(), {}, False),
        (frozenset({"b@x"}), {"a@x": guid(1)}, False),
        (frozenset({"b@x"}), {"b@x": guid(2)}, False),
        (frozenset({"b@x"}), {"b@x": guid(1)}, True),
        (frozenset({"a@x"}), {}, True),
        (frozenset({guid(1)}), {}, True),
    ],
)
async def test_every_table_forgets_but_what_excludes_the_user(
    excluded: frozenset[str], remembered: dict[str, str], kept: bool
) -> None:
    """The tables that tell the names come last, so that it can be repeated."""
    world = World(rules=Rules(excluded=excluded), state=FakeState(excluded=remembered))
    done = await world.forgetter().forget(Found(PERSON, "a@x", False), ADELE)
    tables = [table for table in TABLES if not (kept and table == "state")]
    last = ["waiting", "history", "replacedproviders", "users"]
    order = [table for table in tables if table not in last] + last
    assert world.data.forgotten == [(table, PERSON) for table in order]
    notes = (*ELSEWHERE, KEPT) if kept else ELSEWHERE
    assert done == Forgetting(guid(1), dict.fromkeys(order, 2), notes)


async def test_what_is_told_and_recorded(caplog: pytest.LogCaptureFixture) -> None:
    """A pseudonym and the count; what may be left is said, sorted by table."""
    lines = Lines(caplog)
    world = World(unreadable={"users": 1, "runs": 2})
    done = await world.forgetter().forget(Found(PERSON, "a@x", True), ADELE)
    rows = 2 * len(TABLES)
    who = EventLog("acp.forget").who(guid(1))
    unreadable = "cannot be read and may name the user; repair or delete them"
    assert done.notes == (
        *ELSEWHERE,
        f"runs: 2 rows {unreadable}",
        f"users: 1 row {unreadable}",
        LICENSED,
    )
    assert world.state.actions == [("forget", "adele (id-1)", f"{who}: {rows} rows; asked", NOON)]
    told = lines.one("forgotten")
    assert told == {
        "operation": told["operation"],
        "user": who,
        "by": "adele (id-1)",
        "rows": str(rows),
    }
