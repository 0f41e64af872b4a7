"""The rules of the design, checked on every user after a storm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from local.errors import WaitError
from local.waiting import wait_until
from tests.chaos.administrator import History
from tests.chaos.callers import Requested, requested_broken
from tests.chaos.stage import Stage
from tests.chaos.truth import BY_APP, Life, Record, lives, normal, records
from tests.e2e.secrets import secrets_in
from tests.e2e.tenant import MICROSOFT, User

_NEVER: Final = frozenset(
    {"room", "resource", "guest", "ineligible", "on_premises", "soft_deleted"}
)
"""The kinds of user that are never changed."""

_MOMENT: Final = 30.0
"""Seconds that a message may take, when all users are at rest."""


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold, of whom (empty: of the whole system), and the facts."""

    rule: str
    user: str
    facts: str


@dataclass
class Verdict:
    """What the check found: the broken rules, and who ended where."""

    broken: list[Broken] = field(default_factory=list)
    on_microsoft: int = 0
    attention: dict[str, str] = field(default_factory=dict)
    """The reason, by licensed user who is not on Microsoft."""
    saved: int = 0
    replaced: int = 0


def check(stage: Stage, history: History, requested: Sequence[Requested], window: float) -> Verdict:
    """Check every rule on every user; window: see `Plan`."""
    users, changes = stage.tenant.users(), stage.tenant.changes()
    saved = records(stage.storage.rows("replacedproviders"))
    known = lives(users, changes, history)
    waiting = {row["RowKey"]: row for row in stage.storage.rows("waiting")}
    outcomes = {row["RowKey"]: row for row in stage.storage.rows("users")}
    excluded = {user["id"] for user in stage.excluded}
    verdict = Verdict(saved=sum(map(len, saved.values())))
    for user in users:
        user_id = user["id"]
        life = known[user_id]
        verdict.replaced += sum(bool(change.dropped) for change in life.changes)
        found = [
            *saved_broken(life, saved.get(user_id, []), window),
            *mailed_broken(user, life),
            *quiet_broken(life, history.quiet),
            *untouched_broken(user, life, history.licensed.get(user_id, []), user_id in excluded),
            *at_rest_broken(user, waiting.get(user_id), verdict, user_id in excluded),
        ]
        facts = _facts(user, life, waiting.get(user_id), outcomes.get(user_id))
        verdict.broken += [Broken(rule, user_id, f"{what}; {facts}") for rule, what in found]
    runs = stage.storage.rows("runs"), stage.storage.rows("runresults")
    whole = [*_whole(stage, users), *requested_broken(requested, *runs)]
    verdict.broken += [Broken(rule, "", what) for rule, what in whole]
    # Everything is well by now, and a sweep has looked at everybody again.
    stay = [("nobody stays", user, reason) for user, reason in verdict.attention.items()]
    verdict.broken += [Broken(*each) for each in stay]
    return verdict


def saved_broken(
    life: Life, found: Sequence[Record], window: float = 0.0
) -> Iterator[tuple[str, str]]:
    """Rule 1: what was replaced is saved, all of it, once, and before it was replaced."""
    for change in life.changes:
        dropped = [normal(entry) for entry in change.dropped]
        same = [record for record in found if record.entries == dropped]
        if dropped and not same and change.at - change.since >= window:
            yield "saved entries", f"the entries dropped at {change.at:.0f} are not saved"
        # The tenant's log knows whole seconds only.
        if same and all(record.saved_at > change.at + 1 for record in same):
            yield "saved entries", f"replaced at {change.at:.0f}, saved at {same[0].saved_at:.3f}"
    had = [[normal(entry) for entry in entries] for entries in life.had]
    for number, record in enumerate(found):
        # Microsoft's entries come from the service, and no log tells their numbers: where a set that
        # got no answer is repeated, the app saves them, too.
        by_service = all(entry["name"] == MICROSOFT for entry in record.entries)
        if record.entries not in had and not (by_service and life.changes):
            yield "saved entries", "a record has entries that the user never had"
        if record.entries in [other.entries for other in found[:number]]:
            yield "one record each", "two records have the same entries"


def mailed_broken(user: User, life: Life) -> Iterator[tuple[str, str]]:
    """Rule 4: nobody is mailed but for a change, however often it is requested."""
    if user["mails"] > (most := len(life.changes) + life.by_service):
        yield "one mail each", f"{user['mails']} mails for {most} changes"


def quiet_broken(
    life: Life, quiet: Sequence[tuple[str, float, float]]
) -> Iterator[tuple[str, str]]:
    """Rule 8, and the pause: nobody is changed meanwhile."""
    for change in life.changes:
        for why, start, end in quiet:
            if start < change.at < end - 1:
                yield "quiet", f"{change.action} at {change.at:.0f}: {why} since {start:.0f}"


def untouched_broken(
    user: User, life: Life, spans: Sequence[tuple[float, float | None]], excluded: bool
) -> Iterator[tuple[str, str]]:
    """Rule 2: nobody was changed while unlicensed, and nobody excluded ever."""
    for change in life.changes:
        if excluded or user["kind"] in _NEVER:
            yield "excluded", f"{change.action} at {change.at:.0f}"
        elif not any(
            start - 1 <= change.at and (end is None or change.at <= end) for start, end in spans
        ):
            yield "unlicensed", f"{change.action} at {change.at:.0f}, licensed {list(spans)}"


def at_rest_broken(
    user: User, row: dict[str, Any] | None, verdict: Verdict, excluded: bool
) -> Iterator[tuple[str, str]]:
    """Rule 3: who is licensed and included is on Microsoft, or on the attention list with a reason."""
    if excluded or not (user["licensed"] and user["included"]):
        return
    if user["provider"] == MICROSOFT:
        verdict.on_microsoft += 1
    elif row is not None and row["PartitionKey"] == "attention" and row["reason"]:
        verdict.attention[user["id"]] = row["reason"]
    else:
        yield "nobody is lost", "neither on Microsoft nor on the attention list"


def _whole(stage: Stage, users: Sequence[User]) -> Iterator[tuple[str, str]]:
    """What holds of the system as a whole."""
    # The tenant's own figure counts users who were moved and deleted afterwards, too.
    deleted = sum(user["deleted"] and user["sets"] > 0 for user in users)
    if changed := stage.tenant.totals()["excludedChanged"] - deleted:
        yield "excluded", f"the tenant counts {changed} excluded users that were changed"
    try:
        # Timers go on: a user whose next attempt is due may be on the queue at any moment.
        wait_until(lambda: not stage.storage.queued(), "the queue is empty", _MOMENT)
    except WaitError:
        yield "nothing is left", f"{stage.storage.queued()} messages stay on the queue"
    if poisoned := stage.storage.poisoned():
        yield "nothing is left", f"{len(poisoned)} poison messages are not recorded"
    if (live := len(stage.tenant.subscriptions())) != 1:
        yield "one subscription", f"Graph has {live}"
    for what in sorted(secrets_in(stage.logs(), users, stage.storage)):
        yield "no secret in a log", f"a host's log carries {what}"


def _facts(
    user: User, life: Life, waiting: dict[str, Any] | None, known: dict[str, Any] | None
) -> str:
    """What a person needs to understand a broken rule; no passcodes."""
    row = f"{waiting['PartitionKey']} ({waiting['reason']})" if waiting else "no"
    last = f"{known['outcome']} ({known['reason']})" if known else "no attempt so far"
    done = [f"{c.action} {c.at:.0f}" for c in life.changes if c.action in BY_APP]
    return (
        f"{user['kind']}, licensed {user['licensed']}, provisioned {user['provisioned']}, "
        f"provider {user['provider']}, waiting: {row}, last outcome: {last}, changes: {done}"
    )
