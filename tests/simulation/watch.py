"""More rules, watched from the outside: who is listed, what is told, what is kept secret, who waits.

A rule that needs a thing of its own (the guard with its table, the pause) is a function of `Watch`.
"""

import re
from typing import TYPE_CHECKING, Final

from shared.domain.outcome import Outcome
from tests.simulation.fate import Process
from tests.simulation.people import APP
from tests.simulation.queues import Letter
from tests.simulation.storage import Keys
from tests.simulation.teams import Change

if TYPE_CHECKING:
    from tests.simulation.rules import Rules

_CODE: Final = re.compile(r"\b7\d{7}\b")
_PAUSE_KNOWN: Final = 3.0
"""Seconds after `pause` returned in which a set may begin: two in which it gets its turn, and one more."""
_CLOCKS: Final = 300.0
"""Seconds by which two sets may be closer than their places in the guard's window: clocks that differ, and
calls that are slow."""
_UNSETTLED: Final = frozenset({Outcome.WAITING, Outcome.FAILED})


class Watch:
    """Watches a universe for `Rules`, which notes what is broken."""

    def __init__(self, rules: "Rules") -> None:
        self._rules = rules
        self._world = rules.world
        self.paused: float | None = None
        """Since when a person knows that changes are paused."""
        self._released: set[str] = set()
        self._counted: list[tuple[float, str]] = []
        self._world.account.watchers.append(self._on_write)
        for content in self._world.queues.values():
            content.on_put = self._on_put
        for throttle in self._world.throttles.values():
            throttle.on_rude = self._on_rude

    def on_set(self, change: Change, run: str | None) -> None:
        """Rule 12: nobody is changed during a pause, and no more than the guard permits without a release."""
        user = change.person.id
        if self.paused is not None and change.asked > self.paused + _PAUSE_KNOWN:
            self._rules.note("12 pause", user, f"set, paused since {self.paused:.0f} s")
        released = {row["RowKey"] for row in self._world.account.rows("runs") if row["released"]}
        if not change.dropped or run in released:
            return
        if change.asked - change.person.past[-2][0] <= self._rules.limits.entries:
            return  # somebody set the provider in the moment before: the app replaced what it did not see
        row = self._world.account.tables["held"].get((user[0], user))
        if user in self._released:
            if row is None:
                self._released.remove(user)  # settled by another attempt, just now
            return
        settings = self._rules.host.settings
        window = 60 * settings.guard_window_minutes - _CLOCKS
        self._counted = [each for each in self._counted if each[0] > change.at - window]
        self._counted.append((change.at, user))
        count = len({user for _, user in self._counted})
        if count > settings.guard_max_moves:
            self._rules.note("12 guard", user, f"{count} users replaced within {window:.0f} s")

    def is_worked_off(self) -> None:
        """The pause is over for two hours: nobody waits for its end any more."""
        for row in self._world.account.rows("waiting"):
            if "changes are paused" in row["reason"]:
                self._rules.note("12 after the pause", row["RowKey"], row["reason"])

    def is_listed(self) -> None:
        """Rule 3: who was looked at without being settled is on a list, or in the queue.

        Called when all has been well for two hours: until then, a dead instance may hold a message.
        """
        listed = {
            row["RowKey"]
            for table in ("waiting", "held")
            for row in self._world.account.rows(table)
        }
        queued = " ".join(each.text for each in self._world.queues["moves"].letters.values())
        for row in self._world.account.rows("users"):
            person = self._world.people.by_id[row["RowKey"]]
            state = person.state
            done = bool(state.entries) and not state.third_party
            if (
                row["outcome"] not in _UNSETTLED
                or row["exact_outcome"] == Outcome.HELD
                or done
                or self._rules.forbids(person, state)
            ):
                continue
            if person.id not in listed and person.id not in queued:
                self._rules.note("3 listed", person.id, f"{row['outcome']}, and on no list")

    def is_told(self) -> None:
        """Rule 13: whom the app moved last, and who is still so, has a record that says when and why."""
        rows = {row["RowKey"]: row for row in self._world.account.rows("users")}
        moved = {change.person.id: change.moves for change, _ in self._rules.sets}
        for person in self._world.people:
            if self._rules.forbids(person, person.state) or person.past[-1][2] != APP:
                continue
            if not moved[person.id]:
                continue
            row = rows.get(person.id)
            if row is None or not row.get("moved_at") or not row.get("cause"):
                self._rules.note("13 told", person.id, "the app moved the user; no record says so")

    def _on_put(self, letter: Letter) -> None:
        self._keeps_secret(f"a message: {letter.text[:60]}", letter.text)

    def _on_write(self, _: Process, table: str, keys: Keys) -> None:
        row = self._world.account.tables[table].get(keys)
        if row is not None and table == "held" and row["released"]:
            self._released.add(keys[1])
        if row is not None and table != "replacedproviders":
            texts = {name: value for name, value in row.items() if isinstance(value, str)}
            if _CODE.search("\n".join(texts.values())):
                for name, value in texts.items():
                    self._keeps_secret(f"{table}.{name}", value)

    def _keeps_secret(self, where: str, text: str) -> None:
        """Rule 6: no passcode outside the table of saved entries."""
        for code in _CODE.findall(text):
            if code in self._world.people.codes:
                self._rules.note("6 secret", "", f"the passcode {code} is in {where}")

    def _on_rude(self, process: str, facts: str) -> None:
        """Rule 7: nobody in a process calls a service that asked it to wait."""
        self._rules.note("7 pause", "", f"{process} {facts}")
