"""The rules of the design, watched at every change and checked at a universe's end."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.run import RunState, Signal
from shared.errors import InputError
from shared.storage.codec import decode_move, decode_page
from shared.storage.replaced import _encode
from tests.simulation.fate import Process
from tests.simulation.history import HistoryWatch
from tests.simulation.host import CAUSE, Host
from tests.simulation.people import Person, State
from tests.simulation.queues import Letter
from tests.simulation.storage import Keys
from tests.simulation.teams import Change
from tests.simulation.watch import Watch


@dataclass(frozen=True)
class Limits:
    """How old what the app acts on may be, in seconds. lag: how late a service may show a change."""

    entries: float = 10.0
    license: float = 90.0


STRICT: Final = Limits()

ENDED: Final = (RunState.FINISHED, RunState.HELD, RunState.FAILED)


@dataclass(frozen=True)
class Broken:
    """A rule that did not hold: its name, whom it is about, and the facts."""

    rule: str
    user: str
    facts: str


class Rules:
    """Watches a universe. Numbers of rules are those of the design."""

    def __init__(self, host: Host, limits: Limits = STRICT) -> None:
        self.host = host
        self.world = host.world
        self.limits = limits
        self.broken: list[Broken] = []
        self.sets: list[tuple[Change, str | None]] = []
        """Every set that took effect, with the run that it belongs to."""
        self.runs_of_keys: dict[str, set[str]] = defaultdict(set)
        self.asked: dict[str, list[str]] = {}
        """Run -> the users named, for requests by name."""
        self.reached: Counter[str] = Counter()
        self._mails: Counter[tuple[str, str]] = Counter()
        self._sweeper = ""
        self.world.teams.on_set = self._on_set
        self.world.account.watchers.append(self._on_write)
        self.world.queues["moves-poison"].on_delete = self._on_poison_deleted
        self.watch = Watch(self)
        self.history = HistoryWatch(self)

    def note(self, rule: str, user: str, facts: str) -> None:
        """Note that a rule is broken."""
        now = asyncio.get_running_loop().time()
        self.broken.append(Broken(rule, user, f"at {now:.0f} s: {facts}"))

    def _on_set(self, change: Change) -> None:
        letter = CAUSE.get()
        run = _run_of(letter)
        self.sets.append((change, run))
        self._saved(change)
        self._permitted(change)
        self.watch.on_set(change, run)
        self.history.on_set(change)
        if change.process.mode == "report":
            self.note("8 report", change.person.id, "an instance in report mode set Microsoft")
        elif letter and letter.mode == "report" and not self._is_page_of_a_move(letter):
            self.note("8 report's queue", change.person.id, "a report's message moved the user")
        if change.mailed and run:
            self.reached["mail"] += 1
            self._mails[run, change.person.id] += 1
            if self._mails[run, change.person.id] > 1:
                self.note("4 mails", change.person.id, f"mailed again in {run}")

    def _is_page_of_a_move(self, letter: Letter) -> bool:
        """Whether a message is a page of a run in mode move, which an instance in another mode sent again."""
        try:
            run = decode_page(letter.text).run
        except InputError:
            return False
        return bool(self.world.account.tables["runs"][run[:6], run]["mode"] == "move")

    def _saved(self, change: Change) -> None:
        """Rule 1: what is dropped was stored before, unless somebody made it a moment ago."""
        if not change.dropped:
            return
        text = _encode(change.before.entries)
        rows = self.world.account.rows("replacedproviders")
        if any(row["PartitionKey"] == change.person.id and row["entries"] == text for row in rows):
            return
        since, _, who = change.person.past[-2]
        age = change.asked - since
        if age > self.limits.entries:
            self.note("1 saved", change.person.id, f"entries of {who}, {age:.0f} s old, are lost")
        else:
            self.reached["changed just before a set"] += 1

    def _permitted(self, change: Change) -> None:
        """Rule 2: licensed and included now, or a moment ago."""
        past = change.person.past[:-1]
        for number in range(len(past) - 1, -1, -1):
            since, state, _ = past[number]
            if not (reason := self.forbids(change.person, state)):
                return
            if change.at - since > self.limits.license:
                self.note("2 permitted", change.person.id, f"{reason} since {since:.0f} s")
                return

    def forbids(self, person: Person, state: State) -> str | None:
        """Return why the app must not change a user, or None."""
        settings = self.host.settings
        if not state.licensed:
            return "unlicensed"
        if {person.id, person.upn} & settings.excluded_users:
            return "excluded by name"
        if state.groups & settings.excluded_groups:
            return "excluded by group"
        if settings.included_groups and not state.groups & settings.included_groups:
            return "outside the pilot"
        kinds = {"guest": state.guest, "room": state.room, "deleted": state.deleted}
        return next((kind for kind, is_so in kinds.items() if is_so), None)

    def _on_write(self, process: Process, table: str, keys: Keys) -> None:
        """Who writes a sweep's pages is who took its lease last."""
        if keys == ("state", "lease-sweep"):
            if self._sweeper not in ("", process.name):
                self.reached["sweep handed over"] += 1
            self._sweeper = process.name
        elif keys == ("state", "delta"):
            row = self.world.account.tables[table].get(keys)
            end = f"delta-{len(self.world.people.changes)}"
            self.reached["delta checkpoint"] += bool(row and row["link"] != end)
        elif table == "held":
            self.reached["held"] += 1
        elif table == "waiting":
            row = self.world.account.tables[table].get(keys)
            self.reached["attention"] += bool(row and row.get("list") == "attention")
        elif table == "plans" and process.name != self._sweeper:
            # Whoever releases or discards a held sweep has a lease on it of their own.
            held = (RunState.HELD, RunState.RELEASED)
            if self.world.account.tables["runs"][keys[0][:6], keys[0]]["state"] not in held:
                self.note(
                    "one sweeper", "", f"{process.name} writes, {self._sweeper} has the lease"
                )

    def _on_poison_deleted(self, letter: Letter) -> None:
        """Rule 3: who was in a poison message is on a list, queued again, or was looked at since."""
        try:
            users = decode_move(letter.text).users
        except InputError:
            return
        listed = self._listed()
        known = {row["RowKey"] for row in self.world.account.rows("users")}
        queued = " ".join(each.text for each in self.world.queues["moves"].letters.values())
        for user in users:
            if user not in known and user not in listed and user not in queued:
                self.note("3 poison", user, "its poison message is gone and nobody was told")

    def _listed(self) -> dict[str, dict[str, Any]]:
        """The rows of those who wait or need attention; a settled user's row is there for runs alone."""
        rows = self.world.account.rows("waiting")
        return {row["RowKey"]: row for row in rows if row.get("list") != "settled"}

    def check_end(self) -> None:
        """Check what has to hold when everything was quiet for long."""
        rows = self._listed()
        held = {row["RowKey"]: row for row in self.world.account.rows("held")}
        for person in self.world.people:
            if person.id not in held or held[person.id]["released"]:
                self._at_rest(person, rows.get(person.id))
        for name, content in self.world.queues.items():
            if content.letters:
                self.note("3 queue", "", f"{len(content.letters)} messages stay in {name}")
        for key, runs in self.runs_of_keys.items():
            if len(runs) > 1:
                self.note("4 key", "", f"{key} began {len(runs)} runs")
        for row in self.world.account.rows("runs"):
            self._run_at_rest(row)
        self.watch.is_told()
        self.history.check()

    def _at_rest(self, person: Person, row: dict[str, Any] | None) -> None:
        """Rule 3: on Microsoft and on no list, or on a list with a reason that holds."""
        state = person.state
        listed = f"{row['PartitionKey']}: {row['reason']}" if row else "on no list"
        if not (self.forbids(person, state)) and not state.ready:
            if row is None:
                self.note("3 nobody is lost", person.id, "not provisioned, and on no list")
            return
        if self.forbids(person, state) is None and (state.third_party or not state.entries):
            self.note("3 nobody is lost", person.id, f"not on Microsoft, {listed}")
        elif row is not None:
            self.note("3 nobody stays", person.id, f"at rest, but {listed}")

    def _run_at_rest(self, row: dict[str, Any]) -> None:
        """Rule 14: a run ends, has a result of everybody named, and says who was moved."""
        run, account = row["RowKey"], self.world.account
        if row["state"] not in ENDED:
            # A request that was interrupted waits for a person, and says so.
            asked = row["cause"] in (Signal.REQUEST, Signal.PREVIEW)
            if not asked or row["state"] != RunState.INTERRUPTED or not row["reason"]:
                self.note("14 runs end", "", f"{run} is {row['state']} ({row['reason']})")
            return
        results = {
            each["RowKey"]: each
            for each in account.rows("runresults")
            if each["PartitionKey"] == run
        }
        if row["cause"] == Signal.REQUEST and row["state"] == RunState.FINISHED:
            for user in self.asked.get(run, ()):
                names = {user, self.world.people.by_id[user].upn}
                if not names & {each.get("name", row) for row, each in results.items()}:
                    self.note("14 results", user, f"finished run {run} has no result")
        if row.get("exact_state") == RunState.MOVING:
            self.note("14 runs end", "", f"{run} is moving, and nobody is on the way")
        listed = self._listed()
        held = {each["RowKey"] for each in account.rows("held")}
        for user, result in results.items():
            exact = result.get("exact_outcome", result["outcome"])
            if exact == "held" and user not in held:
                self.note("14 final", user, f"{run} says held, and the user is on no such list")
            open_ = exact in ("waiting", "failed") and row["cause"] != Signal.PREVIEW
            if open_ and "name" not in result and user not in listed:
                self.note("14 final", user, f"{run} says {exact}, and the user waits for nothing")
        moved = {change.person.id for change, its in self.sets if its == run and change.moves}
        for user, result in results.items():
            if user in moved and result["outcome"] == "already_microsoft":
                self.note("14 final", user, f"{run} moved the user and says it did not")
            # Of a set without an answer nobody can tell whether it or somebody else moved the user.
            if result["outcome"] == "moved" and user not in self.world.teams.tried:
                self.note("14 final", user, f"{run} says moved; the app never tried to")


def _run_of(letter: Letter | None) -> str | None:
    if letter is None:
        return None
    for decode in (decode_move, decode_page):
        try:
            return decode(letter.text).run
        except InputError:
            continue
    return None
