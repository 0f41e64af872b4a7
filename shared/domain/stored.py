"""Everything that the app stores, once: docs/security.md, the janitor and `acp forget` are held to it.

A table that is not listed here cannot be opened (`shared.storage.tables`), so that none is forgotten.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a kind: their keys, in which `{user}` stands for an id, and what they are."""

    partition: str
    row: str
    what: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A table.

    rows: every kind of row. holds: its personal data, for docs. until: when rows go, for docs. person: where
    `acp forget` finds a person in it; "": no personal data. janitor: whether the janitor cleans it.
    """

    name: str
    rows: tuple[Rows, ...]
    holds: str
    until: str
    person: str = ""
    janitor: bool = True


STORED: Final = (
    Stored(
        "users",
        (Rows("{digit}", "{user}", "the last attempt at a user, and the last move"),),
        "id, address, last outcome and reason, when moved and from which provider, when the bridge changed",
        "the directory no longer knows a user whom the app has not tried for `ACP_KEEP_USERS_DAYS`",
        "the row of the id",
    ),
    Stored(
        "replacedproviders",
        (Rows("{user}", "{digest}", "what a user had, and the claim on its change"),),
        "id, address, and what a change replaced: provider, numbers, bridge, url, **passcode** or "
        "**conference ID**; which attempt and run claimed the change",
        "`acp forget`; the app itself never deletes them",
        "the partition of the id",
        janitor=False,
    ),
    Stored(
        "history",
        (Rows("{user}", "{countdown}-{event}", "a change or a decision; the newest first"),),
        "per change and decision: id, address, when, what led to it, who asked or decided and why, provider "
        "and numbers before and after, conference IDs masked",
        "`ACP_KEEP_HISTORY_DAYS` after it happened",
        "the partition of the id",
    ),
    Stored(
        "guard",
        (
            Rows("replaced", "{slot}", "a user who lost a conference ID"),
            Rows("enabled", "{slot}", "a user who was enabled, where that is limited"),
            Rows("{run}", "{slot}", "a user of a request that named a number"),
        ),
        "ids of users changed within the guard's window, and of users of a request that named a number",
        "another user takes the row; the rows of a request with its run",
        "every row with the id",
    ),
    Stored(
        "held",
        (Rows("{digit}", "{user}", "a user whom the guard holds"),),
        "id, address, provider, what led to the change, run and why it is held",
        "the user is settled or discarded, or the run ended after `ACP_KEEP_HELD_DAYS`",
        "the row of the id",
    ),
    Stored(
        "roster",
        (
            Rows("users", "u|{user}", "what was last seen of a user"),
            Rows("users", "l|{list}|{address}|{user}", "the same on a list, by address"),
            Rows(
                "users",
                "c|{digit}",
                "how many users are on each list, now and at the end of days",
            ),
        ),
        "id, address, name, department, country, provider, which list and why",
        "a sweep sees that the user is gone, or without license and provider; a day's figures after a month",
        "the rows of the id",
        janitor=False,
    ),
    Stored(
        "waiting",
        (
            Rows(
                "{digit}",
                "{user}",
                "a user who waits or needs attention, or of whom runs have to be told",
            ),
        ),
        "id, address, why and since when; who acknowledged it, and when",
        "the user is done",
        "the row of the id, also in the partitions of the version before",
        janitor=False,
    ),
    Stored(
        "runs",
        (Rows("{month}", "{run}", "a run"),),
        "none",
        "`ACP_KEEP_RUNS_DAYS` after the run ended",
    ),
    Stored(
        "runresults",
        (
            Rows("{run}", "{user}", "the result of a user"),
            Rows("{run}", "{digest}", "the result of a name that was not found"),
        ),
        "per run: id, address or the name as given, outcome, reason",
        "their run is deleted",
        "in every run: the rows of the id, and of a name as given",
    ),
    Stored(
        "requests",
        (
            Rows("{run}", "{page}", "the names on a page"),
            Rows("{run}", "wish", "provider and options"),
            Rows("{run}", "x-mailed-{user}", "a mail was requested"),
            Rows("{run}", "x-numbers-{user}", "the numbers that a file gave this user"),
            Rows("keys", "{digest}", "the run of an idempotency key"),
        ),
        "the names in a requested run, 100 per row; a row per user for whom a mail was requested, "
        "or for whom a file gave numbers; "
        "idempotency keys, as digests",
        "their run is deleted; a key after `ACP_KEEP_KEYS_DAYS`",
        "in every run: the name is taken out of its page; the rows `x-mailed-`id and `x-numbers-`id",
    ),
    Stored(
        "plans",
        (Rows("{run}", "{page}", "what a page of a sweep found"),),
        "ids, packed, during a sweep",
        "the sweep ends; one that is held ends after `ACP_KEEP_HELD_DAYS`",
        "in every sweep: the id is taken out of its page",
    ),
    Stored(
        "state",
        (
            Rows(
                "state",
                "{name}",
                "one thing that the app remembers: subscription, delta link, sweep, pause, settings",
            ),
            Rows("state", "lease-{name}", "a lease"),
            Rows("released-sweep", "{run}", "a run whose held users are about to be queued"),
            Rows("open-run", "{run}", "a run whose results are counted"),
            Rows("actions", "{moment}-{name}", "what a person did"),
        ),
        "names and ids of the users whom ACP_EXCLUDED_USERS names; who used `acp forget`, or paused "
        "changes, and when; else nobody: subscription and its secrets, delta link, requested sweep, "
        "leases, digests of settings",
        "replaced; the record of an action after `ACP_KEEP_RUNS_DAYS`",
        "row `excluded-ids`, unless ACP_EXCLUDED_USERS still names the user",
    ),
)

BY_NAME: Final = {table.name: table for table in STORED}


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to forget: the id, and every name (lower case) under which something is stored."""

    id: str
    names: frozenset[str] = frozenset()
