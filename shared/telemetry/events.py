"""Catalogue of log lines: every event that the app logs, with its fields and its meaning.

A line is `event field=value ...`, the event in the name of its class: `Decided` writes `decided`. A
field that is None is left out. An event or a field that is not declared here cannot be written: the
types refuse it. The queries of infra/queries and the tables of docs/telemetry.md are checked against
this module. A field's name means the same in every event; `FIELDS` says what.
"""

import inspect
import logging
import re
from collections.abc import Iterator
from typing import ClassVar, Final, NewType, dataclass_transform

LoggedUser = NewType("LoggedUser", str)
"""A user's name in log lines: only `EventLog.who` makes one, so that no id gets into a line."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Event:
    """One kind of log line. Its docstring says what happened, for an administrator.

    Made like a dataclass, as far as types go; real ones would cost each cold start some 15 ms.
    """

    event: ClassVar[str] = ""
    level: ClassVar[int] = logging.INFO
    declared: ClassVar[dict[str, object]] = {}

    def __init_subclass__(cls) -> None:
        cls.event = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        cls.declared = inspect.get_annotations(cls)

    def __init__(self, **fields: object) -> None:
        if fields.keys() != self.declared.keys():
            raise TypeError(f"{self.event} has the fields {', '.join(self.declared)}")
        self._fields = fields

    def fields(self) -> Iterator[tuple[str, object]]:
        """Yield each field that has a value, as declared."""
        for name in self.declared:
            if (value := self._fields[name]) is not None:
                yield name, value


class Decided(Event):
    """One attempt at one user ended with an outcome: one line per user and attempt."""

    user: LoggedUser
    decision: str | None
    outcome: str
    cause: str
    run: str | None
    attempt: int
    duration_ms: int
    window_ms: int | None
    reason: str
    origin: str | None
    license_age_ms: int | None


class Unrecorded(Event):
    """Outcomes could not be recorded, or there was no room: these users come again, alone and later."""

    level = logging.WARNING
    users: int
    retries: int
    reason: str


class Handled(Event):
    """A queue message was handled; its figures are sums over its users."""

    cause: str
    run: str | None
    users: int
    moved: int
    bridge_changed: int
    would_move: int
    would_change_bridge: int
    waiting: int
    failed: int
    throttled: int
    duration_ms: int
    duplicates: int | None


class Notified(Event):
    """Graph notified the app of changed users, and they are being queued."""

    users: int
    lag_ms: int | None


class NotificationsDropped(Event):
    """Notifications were malformed or not for this app, and were dropped."""

    level = logging.WARNING
    malformed: int | None
    wrong_tenant: int | None
    unknown_subscription: int | None
    wrong_client_state: int | None
    no_user: int | None


class CaughtUp(Event):
    """The catch-up asked Graph what changed; written when it found changes or was throttled."""

    queued: int
    unchanged: int | None
    skipped: int | None
    throttled: int


class DeltaLinkExpired(Event):
    """Graph no longer accepts the delta link: a full sweep follows."""

    level = logging.WARNING


class Rechecked(Event):
    """Waiting users who were due were queued."""

    queued: int


class SweepEnded(Event):
    """A sweep ended: finished, held because it would replace too many conference IDs, or failed."""

    run: str
    state: str
    reason: str | None
    users: int
    licensed: int
    ready: int
    queued: int
    already: int
    change_bridge: int
    waiting: int
    unlicensed: int
    excluded: int
    attention: int
    saved: int
    unreadable: int
    unlisted: int
    outside_pilot: int
    throttled: int
    duration_ms: int


class SweepSkipped(Event):
    """A sweep was not started, because one is running."""

    reason: str


class Unreadable(Event):
    """Teams lists a user whose fields could not be read; the mover tries that user separately."""

    level = logging.WARNING
    user: LoggedUser
    reason: str


class ElementsUnreadable(Event):
    """Elements of a service's answer could not be read; they were left out, the others were used."""

    level = logging.WARNING
    call: str
    elements: int
    reason: str


class UnknownFeature(Event):
    """Teams names a feature of users that this version does not know; it is ignored. Once a day."""

    level = logging.WARNING
    feature: str


class ListingBegunAgain(Event):
    """The next page of a listing had expired; the sweep reads it again from its beginning, once."""

    level = logging.WARNING
    run: str
    reason: str


class ListingDoubtful(Event):
    """Teams' listing lacks many licensed users; the sweep queues them, but not all were seen."""

    level = logging.WARNING
    run: str
    reason: str


class VerbRefused(Event):
    """A service does not take the verb of a call (405): correct the constant. Once per process."""

    level = logging.ERROR
    call: str
    allowed: str
    constant: str


class Unsaveable(Event):
    """A user's provider entries are too many to save ahead of a license."""

    level = logging.WARNING
    user: LoggedUser
    reason: str


class SubscriptionCreated(Event):
    """The change subscription was created."""

    subscription: str
    expires: str | None


class SubscriptionRenewed(Event):
    """The subscription was renewed until `expires`."""

    subscription: str
    expires: str | None


class SubscriptionGone(Event):
    """Graph ended the subscription; a new one is created."""

    level = logging.WARNING
    subscription: str


class SubscriptionDeleted(Event):
    """A subscription that is no longer needed was deleted."""

    subscription: str


class Poison(Event):
    """A malformed message went to the poison queue."""

    level = logging.ERROR
    reason: str
    message: str


class PoisonUnreadable(Event):
    """A malformed message on a poison queue; it stays there for an administrator to examine."""

    level = logging.ERROR
    reason: str
    message: str


class PoisonRecorded(Event):
    """Messages that failed repeatedly were removed from the poison queue."""

    level = logging.WARNING
    messages: int
    users: int


class PagePostponed(Event):
    """A page of a requested run is retried later: a service did not answer."""

    run: str
    reason: str


class RunInterrupted(Event):
    """A page of a requested run failed repeatedly; the run's reason says what to do."""

    level = logging.WARNING
    run: str
    reason: str


class RenewalFailed(Event):
    """A renewal that Graph asked for failed repeatedly; its message was removed."""

    level = logging.WARNING
    reason: str


class UpkeepFailed(Event):
    """A part of the upkeep failed repeatedly; its message was removed, and the tick tries again."""

    level = logging.WARNING
    part: str
    reason: str


class UpkeepPostponed(Event):
    """A part of the upkeep is under way already, or takes long and continues by message."""

    part: str
    reason: str


class CleanupFailed(Event):
    """What follows an attempt at a change could not be written; the outcome stands, and claims end."""

    level = logging.WARNING
    user: LoggedUser
    step: str
    error: str


class ClaimFailed(Event):
    """Waiting users who were due could not be claimed; they stay due."""

    level = logging.WARNING
    users: int


class RowUnreadable(Event):
    """A row of a table is damaged or of a later version; it was passed over."""

    level = logging.ERROR
    table: str
    error: str


class RosterBehind(Event):
    """The picture of all users was not brought up to date; the next look or sweep does it."""

    level = logging.WARNING
    users: int
    reason: str


class AttentionCleared(Event):
    """A user left the list *needs attention*: the cause is cured."""

    user: LoggedUser
    outcome: str
    reason: str


class NeedsAttention(Event):
    """A user of a poison message is now listed under *needs attention*."""

    level = logging.WARNING
    user: LoggedUser
    reason: str


class Held(Event):
    """The guard holds a user: the limit is reached, and a person releases or discards the user."""

    level = logging.WARNING
    user: LoggedUser
    cause: str
    run: str
    reason: str


class Released(Event):
    """A person released or discarded held users of a run, or cancelled it."""

    run: str
    state: str
    users: int
    requested_by: LoggedUser
    reason: str | None


class Paused(Event):
    """A person paused all changes, or ended the pause."""

    level = logging.WARNING
    state: str
    requested_by: LoggedUser
    reason: str | None


class Unexpected(Event):
    """A defect affected one user, who was recorded as failed; the traceback follows."""

    level = logging.ERROR
    user: LoggedUser
    error: str


class RuleBroken(Event):
    """A number rule or a group of the settings does not fit the tenant; checked at start and hourly."""

    level = logging.ERROR
    reason: str


class CapabilitiesRead(Event):
    """What the service tells and takes: read once a day, or shown otherwise by a real set."""

    api: str
    providers: str
    bridges: str
    documented: str
    replace: str
    set_verb: str | None


class CapabilityUnread(Event):
    """A capability of the service could not be read, or not stored; it stays unknown until tomorrow."""

    level = logging.WARNING
    part: str
    reason: str


class Cleaned(Event):
    """The janitor deleted what was older than it is kept; a number is what was deleted of each."""

    expired: int
    plans: int
    requests: int
    runresults: int
    guard: int
    runs: int
    keys: int
    actions: int
    users: int
    poison: int
    history: int
    complete: str
    duration_ms: int


class Forgotten(Event):
    """A person was deleted from every table, by `acp forget` or over HTTP."""

    level = logging.WARNING
    user: LoggedUser
    by: str
    rows: int


class ConferenceIdsRead(Event):
    """Somebody read saved conference IDs."""

    level = logging.WARNING
    by: str
    user: LoggedUser | None
    records: int


class Unhealthy(Event):
    """A service that the app depends on did not answer the health check."""

    level = logging.WARNING
    part: str
    reason: str


class Measured(Event):
    """Remaining work and the age of the app's data, logged every five minutes."""

    waiting: int
    waiting_hour: int
    waiting_day: int
    waiting_longer: int
    attention: int
    held: int
    paused: int
    poison: int
    delta_age_s: int | None
    subscription_left_s: int | None


FIELDS: Final = {
    "operation": "id of the signal behind this line; on every line, first",
    "user": "the user's pseudonym; the user id with ACP_LOG_USERS",
    "decision": "the row of the decision table; absent when an error came before it",
    "outcome": "outcome of the attempt",
    "cause": "the signal: license_event, catch_up, sweep, recheck, request",
    "run": "id of the sweep or the requested run, if any",
    "attempt": "number of this attempt; 1 unless the user waited",
    "duration_ms": "milliseconds of the work; of an attempt without the batch that read the license",
    "window_ms": "milliseconds from the answer of the read to that of the set; absent without a set",
    "retries": "how often the users have come again",
    "reason": "why, in words",
    "license_age_ms": "milliseconds since the license was assigned, where Graph says when",
    "duplicates": "users left out, because an attempt began after their notification came",
    "origin": "operation in which the user began to wait, if it is another one",
    "users": "users of the message, notification, sweep or poison messages",
    "moved": "users who were moved",
    "bridge_changed": "users on Microsoft who got a new conference ID on another bridge",
    "would_move": "users whom report mode would have moved",
    "would_change_bridge": "users on Microsoft to whom report mode would have given a new conference ID",
    "waiting": "users waiting for another attempt",
    "failed": "users whose attempt failed",
    "throttled": "answers of Graph and Teams that asked to wait (429, or 503 with Retry-After)",
    "lag_ms": "longest time from Graph's event to its arrival here, in milliseconds",
    "malformed": "notifications that lack a field",
    "wrong_tenant": "notifications of another tenant",
    "unknown_subscription": "notifications of a subscription that is not ours",
    "wrong_client_state": "notifications without our secret",
    "no_user": "notifications that name no user",
    "queued": "users who were put on the queue",
    "unchanged": "changed users whose conferencing plans are those of their last attempt",
    "skipped": "elements of Graph's answers that name no user",
    "step": "what could not be written: settle the claim, cancel the move, or unmark the mail",
    "state": "of a sweep or run: finished, held, failed, released, discarded, cancelled; paused, resumed",
    "requested_by": "who asked for it: a person, a key or an operating system's user",
    "held": "users whom the guard holds",
    "paused": "1 while changes are paused, else 0",
    "outside_pilot": "users who would be moved if the pilot included them",
    "licensed": "users with an audio conferencing license",
    "ready": "users ready to move: licensed, included, provider not Microsoft",
    "already": "users on Microsoft already",
    "change_bridge": "users on Microsoft who get a new conference ID by a number rule",
    "unlicensed": "users without the license",
    "excluded": "users who are never changed",
    "attention": "users who need attention",
    "saved": "users whose entries were saved ahead",
    "unreadable": "users whose fields could not be read",
    "unlisted": "licensed users whom Teams does not list",
    "subscription": "id of the change subscription",
    "expires": "end of the subscription (ISO 8601, UTC)",
    "message": "id of the queue message",
    "messages": "queue messages",
    "error": "type of the error",
    "part": "the part that was asked: storage, graph, teams, providers, bridges ...",
    "table": "name of the table",
    "call": "verb and path of a call to a service, without identifiers",
    "elements": "elements of an answer that could not be read",
    "allowed": "the verbs that the service takes, by its header Allow; `another verb` without one",
    "constant": "the constant in the code that has to be corrected",
    "feature": "name of a feature of Teams",
    "api": "the calls by which Teams is asked: admin or documented",
    "providers": "whether the service reports providers: yes, no, unknown",
    "bridges": "whether the service lists bridges: yes, no, unknown",
    "documented": "whether the documented Graph calls answer: yes, no, unknown",
    "replace": "whether replacing a provider is offered: yes, no, unknown before the first one",
    "set_verb": "whether the verb of a set was accepted; absent before the first one",
    "waiting_hour": "of those who wait: for less than an hour",
    "waiting_day": "of those who wait: for an hour to a day",
    "waiting_longer": "of those who wait: for longer than a day",
    "poison": "messages on the poison queues, about; by the janitor: unreadable ones that were deleted",
    "expired": "held runs that were ended",
    "guard": "rows of the guard that belonged to requests",
    "plans": "pages of sweeps",
    "requests": "rows of move requests",
    "runresults": "results of runs",
    "runs": "runs",
    "keys": "idempotency keys",
    "actions": "records of people's actions",
    "history": "records of users' histories",
    "complete": "yes, or no: the time was up, or there was an error; the next night goes on",
    "by": "who did it: the person signed in, or how the caller was let in",
    "rows": "rows from which the person was deleted",
    "records": "saved records that were shown",
    "delta_age_s": "seconds since the last catch-up succeeded; absent before the first",
    "subscription_left_s": "seconds until the subscription expires; negative: expired; absent: none",
}
"""What each field means, with its unit."""


def catalogue() -> dict[str, type[Event]]:
    """Return every event by name, in the order of this module."""
    return {kind.event: kind for kind in Event.__subclasses__()}


def fields_of(kind: type[Event]) -> dict[str, str]:
    """Return an event's fields, `operation` first, each with its Kusto type: string or long."""
    declared = kind.declared.items()
    return {"operation": "string"} | {
        name: "long" if "int" in str(hint) else "string" for name, hint in declared
    }
