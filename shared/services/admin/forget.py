"""Forget a person: find the id and every name, delete from every table, and say what cannot be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Rules
from shared.domain.pause import RequestedBy
from shared.domain.stored import STORED, Person
from shared.services.admin.people import People
from shared.services.admin.reasons import record_action
from shared.services.ports import PersonalData, State
from shared.telemetry.events import Forgotten
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced
from shared.text import counted

TABLES: Final = tuple(table.name for table in STORED if table.person)
"""Tables with personal data."""

_ELSEWHERE: Final = (
    "queues: a message under way may name the id; it goes when the message is processed",
    "log and undelivered events: they are deleted after their own retention",
)
_LICENSED: Final = (
    "the user has a license and will be recorded again at the next attempt: exclude the user first "
    "(ACP_EXCLUDED_USERS) to prevent that"
)
_EXCLUDED: Final = (
    "state: the id is kept, because ACP_EXCLUDED_USERS names the user: forgetting it could end the "
    "exclusion"
)


@dataclass(frozen=True, slots=True)
class Found:
    """Whom to forget, and whether the directory knows the person as licensed."""

    person: Person
    name: str
    licensed: bool


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What was deleted: rows by table. notes: what was not, and why."""

    id: str
    rows: dict[str, int]
    notes: tuple[str, ...]


class Forgetter:
    """Deletes one person. unreadable: how many stored rows this process could not read, by table."""

    def __init__(
        self,
        *,
        people: People,
        data: PersonalData,
        state: State,
        rules: Rules,
        unreadable: Callable[[], Mapping[str, int]],
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._people = people
        self._data = data
        self._state = state
        self._rules = rules
        self._unreadable = unreadable
        self._clock = clock
        self._log = log

    async def find(self, name: str) -> Found:
        """Return the person called `name`: an id, today's address, or one of the past.

        NoSuchItemError: neither the directory nor a table knows the name. ConflictError: several had it.
        """
        person = await self._people.find(name)
        user_id, user = person.id, person.user
        stored = await self._data.names_of(user_id)
        names = stored | {each.lower() for each in (name, user.upn if user else "") if "@" in each}
        licensed = user is not None and user.licensed
        return Found(Person(user_id, frozenset(names)), user.upn if user else name, licensed)

    @traced
    async def forget(self, found: Found, by: RequestedBy) -> Forgetting:
        """Delete a person from every table, and record who did. Safe to repeat after an error."""
        person = found.person
        notes = [*_ELSEWHERE]
        excluded = bool(self._rules.excluded & (person.names | {person.id}))
        remembered = await self._state.excluded_ids()
        excluded |= any(
            one == person.id and name in self._rules.excluded for name, one in remembered.items()
        )
        rows = {}
        for table in _in_order():
            if table == "state" and excluded:
                notes.append(_EXCLUDED)
                continue
            rows[table] = await self._data.forget(table, person)
        notes += [
            f"{table}: {counted(count, 'row')} cannot be read and may name the user; repair or delete them"
            for table, count in sorted(self._unreadable().items())
        ]
        if found.licensed:
            notes.append(_LICENSED)
        total = sum(rows.values())
        who = self._log.who(person.id)
        await record_action(
            self._state, self._clock, "forget", by, f"{who}: {counted(total, 'row')}"
        )
        self._log.write(Forgotten(user=who, by=str(by), rows=total))
        return Forgetting(person.id, rows, tuple(notes))


def _in_order() -> tuple[str, ...]:
    """Return the tables, those last whose rows tell the person's names: so it can be repeated."""
    last = ("waiting", "history", "replacedproviders", "users")
    return (*(table for table in TABLES if table not in last), *last)
