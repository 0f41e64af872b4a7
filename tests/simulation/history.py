"""Rule 13, at the end of a universe: a set that moved a user is in the user's history exactly once."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.fate import Process
from tests.simulation.people import APP, Person
from tests.simulation.storage import Keys
from tests.simulation.teams import Change

if TYPE_CHECKING:
    from tests.simulation.rules import Rules

_FOUND: Final = ("Microsoft is the provider", "another default number is wanted")
"""The reasons of attempts that found the user on Microsoft."""
_MOMENT: Final = timedelta(seconds=10)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class HistoryWatch:
    """Watches which changes began, and which of them took effect, for `Rules`."""

    def __init__(self, rules: "Rules") -> None:
        self._rules = rules
        self._world = rules.world
        self._began: dict[str, set[datetime]] = defaultdict(set)
        self._last: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        """By process and user: the moves that it began and has not set, of which two may be a moment apart.
        Clocks differ, so the latest may be another's."""
        self._moves: dict[str, list[datetime]] = defaultdict(list)
        """By user: when the app began each move that took effect."""
        self._sets: dict[str, list[datetime]] = defaultdict(list)
        """The same for every set that may be told as a move: it met Microsoft, or nobody knows its effect."""
        self._world.teams.on_doubt = self._on_doubt
        self._world.account.watchers.append(self._on_write)

    def on_set(self, change: Change) -> None:
        """Remember a set that took effect."""
        began = self._begin_of(change.process, change.person.id)
        self._sets[change.person.id].append(began)
        if change.moves:
            self._moves[change.person.id].append(began)

    def _on_doubt(self, process: Process, user: str) -> None:
        self._sets[user].append(self._begin_of(process, user))

    def _begin_of(self, process: Process, user: str) -> datetime:
        begun = self._last[process.name, user]
        its = next((at for at in begun if at > begun[-1] - _MOMENT), _NEVER)
        begun[:] = [at for at in begun if at > its] or begun[-1:]
        return its

    def check(self) -> None:
        """Check every user's history."""
        for person in self._world.people:
            records = [row for row in self._rows("history", person) if row["what"] == "moved"]
            self._is_of_a_change(person, records)
            # Who is on Microsoft after a set that was cut off, or had no answer, counts as moved by it.
            seen = [row["at"] for row in records if row["reason"] not in _FOUND]
            self._is_once(person, seen, [row["at"] for row in records])

    def _is_of_a_change(self, person: Person, records: list[dict[str, Any]]) -> None:
        for record in records:
            if record["at"] not in self._began[person.id]:
                self._note(person, f"a record of {record['at']}, when no move began")
        known = self._world.account.tables.get("users", {}).get((person.id[0], person.id), {})
        if known.get("moved_at") and not records:
            self._note(person, "table users says moved, and the history nothing")

    def _is_once(self, person: Person, seen: list[datetime], recorded: list[datetime]) -> None:
        moves = self._moves[person.id]
        for number, began in enumerate(moves):
            following = moves[number + 1 : number + 2]

            def is_its(at: datetime, since: datetime = began, until: Any = following) -> bool:
                return since <= at and all(at < each for each in until)

            if sum(map(is_its, seen)) > sum(map(is_its, self._sets[person.id])):
                self._note(person, f"the move that began {began} is there too often")
            # Whom somebody changed after a move, before it was recorded, no attempt finds moved.
            last = not following and person.past[-1][2] == APP
            if (
                last
                and not any(map(is_its, recorded))
                and not self._rules.forbids(person, person.state)
            ):
                self._note(person, f"the move that began {began} is not there")

    def _on_write(self, process: Process, table: str, keys: Keys) -> None:
        if table == "replacedproviders":
            row = self._world.account.tables[table].get(keys, {})
            began = row.get("for_move_at")
            if began and began not in self._began[keys[0]]:
                self._began[keys[0]].add(began)
                self._last[process.name, keys[0]].append(began)

    def _rows(self, table: str, person: Person) -> list[dict[str, Any]]:
        rows = self._world.account.rows(table)
        return [row for row in rows if row["PartitionKey"] == person.id]

    def _note(self, person: Person, facts: str) -> None:
        self._rules.note("13 history", person.id, facts)
