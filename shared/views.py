"""Views of the data: one shape for the HTTP API, the console and the command line.

The HTTP API answers with these models, and the command line makes its rows from them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel

from shared.domain.held import HeldUser
from shared.domain.history import DialIn, HistoryRecord
from shared.domain.listing import Provider
from shared.domain.outcome import UserResult
from shared.domain.pause import Pause
from shared.domain.retry import Waiting
from shared.domain.run import Run
from shared.domain.saved import ReplacedProvider
from shared.domain.side_effects import SideEffects
from shared.domain.user import MICROSOFT, ProviderEntry
from shared.services.admin.doctor import Finding
from shared.services.admin.forget import Forgetting
from shared.services.admin.result_details import ResultDetail
from shared.services.admin.status import Status
from shared.services.admin.user_view import UserView
from shared.services.sweeping.finding import Found
from shared.text import harmless

_E164_LENGTHS: Final = (7, 15)
"""Digits of a number with its country code (ITU-T E.164; the shortest that are in use)."""


class SideEffectsView(BaseModel):
    """Side effects of carrying out a dry run, as numbers of users, and the tenant's switches behind them."""

    replaced_conference_ids: int
    replaced_numbers: int
    mails: int
    meetings_sent_again: int
    automatically_send_emails_to_users: bool
    automatically_migrate_user_meetings: bool
    automatically_replace_acp_provider: bool

    @classmethod
    def of(cls, effects: SideEffects) -> Self:
        """Return the view of side effects."""
        return cls(
            replaced_conference_ids=effects.replaced_conference_ids,
            replaced_numbers=effects.replaced_numbers,
            mails=effects.mails,
            meetings_sent_again=effects.meetings_sent_again,
            automatically_send_emails_to_users=effects.switches.sends_mail,
            automatically_migrate_user_meetings=effects.switches.sends_meetings,
            automatically_replace_acp_provider=effects.switches.replaces_provider,
        )


class RunView(BaseModel):
    """A run: its state, its counts by name, and when it began and ended (UTC).

    `requested_by`: who asked for it; `ticket`, `note`: why. `decided_by`: who released or discarded users of
    it, or cancelled it. `paused`: why nobody of it is changed now.
    `side_effects`: of a finished dry run, and of a finished request in report mode.
    """

    id: str
    cause: str
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int]
    requested_by: str | None = None
    decided_by: str | None = None
    ticket: str | None = None
    note: str | None = None
    paused: str | None = None
    side_effects: SideEffectsView | None = None

    @classmethod
    def of(cls, run: Run, pause: Pause | None = None) -> Self:
        """Return the view of a run. pause: keeps its users from being changed."""
        return cls(
            id=run.id,
            cause=run.cause,
            state=str(run.state),
            started_at=run.started_at,
            finished_at=run.finished_at,
            reason=run.reason,
            counts=run.counts,
            requested_by=run.requested_by or None,
            decided_by=run.decided_by or None,
            ticket=run.ticket or None,
            note=run.note or None,
            paused=f"changes are {pause}; the users wait" if pause else None,
        )


class ResultView(BaseModel):
    """The result of one user of a run. action: what was, or would be, done with the user."""

    user: str
    id: str
    outcome: str
    reason: str
    provider_before: str | None = None
    action: str | None = None

    @classmethod
    def of(cls, result: UserResult) -> Self:
        """Return the view of a result."""
        return cls(
            user=result.upn or result.user_id,
            id=result.user_id,
            outcome=str(result.outcome),
            reason=result.reason,
            provider_before=result.old_provider,
            action=str(result.decision) if result.decision else None,
        )


class AttentionView(BaseModel):
    """A user who needs attention, and why."""

    user: str
    id: str
    since: datetime
    reason: str

    @classmethod
    def of(cls, row: Waiting) -> Self:
        """Return the view of a waiting row."""
        return cls(user=row.upn or row.user_id, id=row.user_id, since=row.since, reason=row.reason)


class HeldView(BaseModel):
    """A user whom the guard holds: since when, because of which signal, and on the list of which run."""

    user: str
    id: str
    provider: str
    signal: str
    run: str
    since: datetime
    reason: str

    @classmethod
    def of(cls, held: HeldUser) -> Self:
        """Return the view of a held user."""
        return cls(
            user=held.upn or held.user_id,
            id=held.user_id,
            provider=held.provider,
            signal=str(held.signal),
            run=held.run,
            since=held.since,
            reason=held.reason,
        )


class PauseView(BaseModel):
    """Whether all changes are paused; if so, why, by whom and since when (UTC)."""

    paused: bool
    note: str | None = None
    by: str | None = None
    since: datetime | None = None

    @classmethod
    def of(cls, pause: Pause | None) -> Self:
        """Return the view of a pause, or of none."""
        if pause is None:
            return cls(paused=False)
        return cls(paused=True, note=pause.note, by=str(pause.by), since=pause.since)


class HeldCount(BaseModel):
    """How many users the guard holds, on the lists of how many runs."""

    runs: int
    users: int


class StatusView(BaseModel):
    """What the app may do now, and how many users wait for what. `paused`: null when it is not.

    `licensed`: at the last sweep; `on_microsoft`, `ready`: as last seen (who is held is ready, too).
    `delta_age_s`: seconds since the change feed was read to its end. `license_age_*_s`: seconds that half
    and 99 % of the users whom a new license moved within a week did not exceed, provisioning included.
    """

    licensed: int | None
    on_microsoft: int
    ready: int
    mode: str
    paused: PauseView | None
    held: HeldCount
    waiting: int
    attention: int
    pilot: bool
    last_sweep: datetime | None
    next_sweep: datetime | None
    delta_age_s: int | None
    license_age_p50_s: int | None
    license_age_p99_s: int | None
    capabilities: dict[str, str]

    @classmethod
    def of(cls, status: Status) -> Self:
        """Return the view of a status."""
        age, ages = status.delta_age, status.license_ages
        return cls(
            licensed=status.licensed,
            on_microsoft=status.on_microsoft,
            ready=status.ready,
            mode=str(status.mode),
            paused=PauseView.of(status.paused) if status.paused else None,
            held=HeldCount(runs=status.held_runs, users=status.held_users),
            waiting=status.waiting,
            attention=status.attention,
            pilot=status.pilot,
            last_sweep=status.last_sweep,
            next_sweep=status.next_sweep,
            delta_age_s=None if age is None else round(age.total_seconds()),
            license_age_p50_s=ages and round(ages.p50.total_seconds()),
            license_age_p99_s=ages and round(ages.p99.total_seconds()),
            capabilities=dict(status.capabilities),
        )


class ProviderView(BaseModel):
    """A third-party provider of the tenant."""

    name: str
    domain: str = ""
    url: str | None = None

    @classmethod
    def of(cls, provider: Provider) -> Self:
        """Return the view of a provider."""
        return cls(name=provider.name, domain=provider.domain, url=provider.url)


class ReadyView(BaseModel):
    """A licensed user who is not on Microsoft."""

    user: str
    id: str
    provider: str
    action: str
    reason: str

    @classmethod
    def of(cls, found: Found) -> Self:
        """Return the view of a user; the id replaces an unknown name."""
        return cls(
            user=found.upn or found.user_id,
            id=found.user_id,
            provider=found.provider,
            action=str(found.action),
            reason=found.reason,
        )


class FindingView(BaseModel):
    """A part of the app: ok, warning or failed, with what to do."""

    part: str
    verdict: str
    detail: str
    to_do: str

    @classmethod
    def of(cls, found: Finding) -> Self:
        """Return the view of a finding."""
        return cls(
            part=found.part, verdict=str(found.verdict), detail=found.detail, to_do=found.to_do
        )


class EntryView(BaseModel):
    """A provider entry without its conference ID."""

    provider: str
    default: bool
    toll_number: str
    toll_free_number: str

    @classmethod
    def of(cls, entry: ProviderEntry) -> Self:
        """Return the view of an entry."""
        return cls(
            provider=entry.name,
            default=entry.default,
            toll_number=entry.toll_number,
            toll_free_number=entry.toll_free_number,
        )


class SavedEntry(EntryView):
    """A complete saved entry: the conference ID is a secret of the user's meetings.

    kind: `provider_entry`, or `conferencing_user` for what a user on Microsoft had on a `bridge` (its name,
    else its id) before numbers or bridge were changed.
    """

    kind: str
    bridge: str
    conference_id: str
    url: str
    saved_at: datetime

    @classmethod
    def all_of(cls, record: ReplacedProvider) -> list[Self]:
        """Return the view of the entries of a saved record."""
        had = record.conferencing
        return [
            cls(
                **EntryView.of(entry).model_dump(),
                kind="conferencing_user" if had else "provider_entry",
                bridge=(had.bridge_name or had.bridge_id) if had else "",
                conference_id=entry.passcode,
                url=entry.url,
                saved_at=record.saved_at,
            )
            for entry in record.entries
        ]


class UserState(BaseModel):
    """All data about one user. `outcome`, `moved_at`: the app's last attempt and its last move."""

    user: str
    id: str
    plan: str | None = None
    provider: str | None = None
    action: str
    reason: str
    entries: list[EntryView]
    outcome: str | None = None
    moved_at: datetime | None = None
    waits_because: str | None = None
    due: datetime | None = None
    saved_records: int

    @classmethod
    def of(cls, view: UserView) -> Self:
        """Return the view of a user's data."""
        service, known, waiting = view.service, view.known, view.waiting
        return cls(
            user=view.directory.upn,
            id=view.directory.id,
            plan=str(view.directory.plan_status) if view.directory.plan_status else None,
            provider=service.provider.name if service and service.provider else None,
            action=str(view.decision.action),
            reason=view.decision.reason,
            entries=[EntryView.of(entry) for entry in (service.entries if service else ())],
            outcome=str(known.outcome) if known else None,
            moved_at=known.moved_at if known else None,
            waits_because=waiting.reason if waiting else None,
            due=waiting.due if waiting else None,
            saved_records=len(view.saved),
        )


class ForgettingView(BaseModel):
    """From how many rows of each table a person was deleted, and what is deleted elsewhere."""

    id: str
    rows: Mapping[str, int]
    notes: list[str]

    @classmethod
    def of(cls, done: Forgetting) -> Self:
        """Return the view of what was deleted."""
        return cls(id=done.id, rows=done.rows, notes=list(done.notes))


class DetailView(BaseModel):
    """A result of a run as files tell it: who it is, and the numbers before and after.

    Its texts steer no terminal. Numbers of Microsoft are in E.164, those of a third party as they were saved.
    """

    time: datetime | None
    run: str
    user: str
    name: str
    department: str
    country: str
    provider_before: str
    number_before: str
    toll_free_before: str
    number_after: str
    toll_free_after: str
    outcome: str
    reason: str
    requested_by: str
    ticket: str
    id: str

    @classmethod
    def of(cls, run: Run | None, detail: ResultDetail) -> Self:
        """Return the view of a result. run: None for a dry run, which has none."""
        result, seen = detail.result, detail.seen
        before, after = detail.change.before, detail.change.after
        return cls(
            time=result.at,
            run=run.id if run else "",
            user=harmless(result.upn or result.user_id),
            name=harmless(seen.name) if seen else "",
            department=harmless(seen.department) if seen else "",
            country=harmless(seen.country) if seen else "",
            provider_before=harmless(result.old_provider or ""),
            number_before=_number(before, "toll_number"),
            toll_free_before=_number(before, "toll_free_number"),
            number_after=_number(after, "toll_number"),
            toll_free_after=_number(after, "toll_free_number"),
            outcome=str(result.outcome),
            reason=harmless(result.reason),
            requested_by=harmless(run.requested_by) if run else "",
            ticket=harmless(run.ticket) if run else "",
            id=harmless(result.user_id),
        )


class HistoryView(BaseModel):
    """A record of a user's history: what happened, or was decided, when and why.

    Conference IDs are masked. Numbers of Microsoft are in E.164, those of a third party as it wrote them.
    """

    time: datetime
    event: str
    user: str
    provider_before: str
    number_before: str
    toll_free_before: str
    bridge_before: str
    conference_id_before: str
    provider_after: str
    number_after: str
    toll_free_after: str
    bridge_after: str
    conference_id_after: str
    signal: str
    run: str
    by: str
    ticket: str
    note: str
    reason: str
    id: str

    @classmethod
    def of(cls, record: HistoryRecord) -> Self:
        """Return the view of a record."""
        before, after = record.before or DialIn(), record.after or DialIn()
        return cls(
            time=record.at,
            event=str(record.what),
            user=harmless(record.upn or record.user_id),
            provider_before=harmless(before.provider),
            number_before=_dialed(before, before.toll_number),
            toll_free_before=_dialed(before, before.toll_free_number),
            bridge_before=harmless(before.bridge),
            conference_id_before=harmless(before.conference_id),
            provider_after=harmless(after.provider),
            number_after=_dialed(after, after.toll_number),
            toll_free_after=_dialed(after, after.toll_free_number),
            bridge_after=harmless(after.bridge),
            conference_id_after=harmless(after.conference_id),
            signal=record.signal,
            run=harmless(record.run),
            by=harmless(record.by),
            ticket=harmless(record.ticket),
            note=harmless(record.note),
            reason=harmless(record.reason),
            id=harmless(record.user_id),
        )


def _dialed(dial_in: DialIn, number: str) -> str:
    return international(number) if dial_in.provider == MICROSOFT else harmless(number)


def _number(entry: ProviderEntry | None, kind: str) -> str:
    """Return a number of an entry; a third party's as it is, because nobody says in which form it is."""
    if entry is None:
        return ""
    number: str = getattr(entry, kind)
    return international(number) if entry.is_microsoft else harmless(number)


def international(number: str) -> str:
    """Return a number with the plus sign if it has its country; a national one as it is."""
    least, most = _E164_LENGTHS
    has_country = number.isascii() and number.isdigit() and number[0] != "0"
    return f"+{number}" if has_country and least <= len(number) <= most else harmless(number)
