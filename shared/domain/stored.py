"""Everything that the app stores, once: docs/security.md, the janitor and `acp forget` are held to it.

A table that is not listed here cannot be opened (`shared.storage.tables`), so that none is forgotten.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stored:
    """A table.

    holds: its personal data, for docs. until: when rows go, for docs. person: where `acp forget` finds a
    person in it; "": no personal data. janitor: whether the janitor cleans it.
    """

    name: str
    holds: str
    until: str
    person: str = ""
    janitor: bool = True


STORED: Final = (
    Stored(
        "users",
        "id, address, last outcome and reason, when moved and from which provider, when the bridge changed",
        "the directory no longer knows a user whom the app has not tried for `ACP_KEEP_USERS_DAYS`",
        "the row of the id",
    ),
    Stored(
        "replacedproviders",
        "id, address, and what a change replaced: provider, numbers, bridge, url, **passcode** or "
        "**conference ID**; which attempt and run claimed the change",
        "`acp forget`; the app itself never deletes them",
        "the partition of the id",
        janitor=False,
    ),
    Stored(
        "history",
        "per change and decision: id, address, when, what led to it, who asked or decided and why, provider "
        "and numbers before and after, conference IDs masked",
        "`ACP_KEEP_HISTORY_DAYS` after it happened",
        "the partition of the id",
    ),
    Stored(
        "guard",
        "ids of users changed within the guard's window, and of users of a request that named a number",
        "another user takes the row; the rows of a request with its run",
        "every row with the id",
    ),
    Stored(
        "held",
        "id, address, provider, what led to the change, run and why it is held",
        "the user is settled or discarded, or the run ended after `ACP_KEEP_HELD_DAYS`",
        "the row of the id",
    ),
    Stored(
        "roster",
        "id, address, name, department, country, provider, which list and why",
        "a sweep sees that the user is gone, or has neither license nor provider; figures per day stay",
        "the rows of the id",
        janitor=False,
    ),
    Stored(
        "waiting",
        "id, address, why and since when; who acknowledged it, and when",
        "the user is done",
        "the row of the id, also in the partitions of the version before",
        janitor=False,
    ),
    Stored("runs", "none", "`ACP_KEEP_RUNS_DAYS` after the run ended"),
    Stored(
        "runresults",
        "per run: id, address or the name as given, outcome, reason",
        "their run is deleted",
        "in every run: the rows of the id, and of a name as given",
    ),
    Stored(
        "requests",
        "the names in a requested run, 100 per row; a row per user for whom a mail was requested; "
        "idempotency keys, as digests",
        "their run is deleted; a key after `ACP_KEEP_KEYS_DAYS`",
        "in every run: the name is taken out of its page; the row `x-mailed-`id",
    ),
    Stored(
        "plans",
        "ids, packed, during a sweep",
        "the sweep ends; one that is held ends after `ACP_KEEP_HELD_DAYS`",
        "in every sweep: the id is taken out of its page",
    ),
    Stored(
        "state",
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
