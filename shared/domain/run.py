"""Runs: one cause with many users, such as a sweep or a request for named users."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Mode(StrEnum):
    """What the system may do to the tenant."""

    MOVE = "move"
    REPORT = "report"


def weaker(*modes: Mode | None) -> Mode:
    """Return `move` only if all of the modes are that; one that is not known changes nobody."""
    return Mode.MOVE if all(mode is Mode.MOVE for mode in modes) else Mode.REPORT


class Signal(StrEnum):
    """Cause of an attempt or a run; it means "check these users" and nothing more."""

    LICENSE_EVENT = "license_event"
    """A change notification from Graph."""
    CATCH_UP = "catch_up"
    """A change reported by Graph's delta query."""
    RECHECK = "recheck"
    """A waiting user became due."""
    SWEEP = "sweep"
    REQUEST = "request"
    """A person or a program named the users, a file or a provider."""
    PREVIEW = "preview"
    """The same as a dry run: its results show what would happen."""


class RunState(StrEnum):
    """State of a run."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Stopped by an error; it resumes at its last page."""
    HELD = "held"
    """The guard holds users of it; a person releases or discards them."""
    RELEASED = "released"
    """Released by a person; the users are about to be queued."""
    MOVING = "moving"
    """All users are queued; some have no outcome yet."""
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Stopped by a person, for good: what was begun is finished, nobody else is changed."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run and its progress.

    counts: by name. page: pages read so far. next_link: the page to resume from (None: from the
    start). scanned: all pages were read. released: a person permitted it, whatever its size.
    interruptions, not_before: errors in a row, and when it resumes after the last. mode: that of the
    app that began it; None: not known, and then nobody is changed. What a report queued changes nobody
    either, whatever the mode is by then. holds: whoever of it would lose a conference ID is held.
    requested_by: who asked for it; ticket, note: why. decided_by: who released or discarded users of it,
    or cancelled it, last. by_name: its users were named one by one. progressed_at: when its last page was
    stored. revision: of the stored row that this was read from, so that nobody's later writing is
    overwritten; "": not stored yet.
    """

    id: str
    cause: Signal
    state: RunState
    started_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    page: int = 0
    next_link: str | None = None
    scanned: bool = False
    released: bool = False
    interruptions: int = 0
    not_before: datetime | None = None
    mode: Mode | None = None
    holds: bool = False
    requested_by: str = ""
    decided_by: str = ""
    ticket: str = ""
    note: str = ""
    by_name: bool = False
    progressed_at: datetime | None = None
    revision: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """A sweep that is requested: by an expired delta link, or because the one before failed.

    run: the sweep that serves it; "": none began since it was made. failures: sweeps in a row that
    failed. not_before: when the next one begins; None: at once.
    """

    run: str = ""
    failures: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class SweepPage:
    """Findings of one page of a sweep: licensed users, those to queue, whether they were queued."""

    number: int
    licensed: Sequence[str]
    to_queue: Sequence[str]
    sent: bool = False


def months_back(now: datetime, months: int) -> date:
    """Return the first day of the month that was `months` before this one."""
    year, month = divmod(12 * now.year + now.month - 1 - months, 12)
    return date(year, month + 1, 1)


def new_run_id(signal: Signal, now: datetime) -> str:
    """Return a new id that sorts by start: `20261123T020000Z-sweep-1f2e3d4c`."""
    return f"{now:%Y%m%dT%H%M%SZ}-{signal}-{secrets.token_hex(4)}"
