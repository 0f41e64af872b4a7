"""Views of users: on lists, one with all that is known, what was saved, what happened."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from shared.domain.held import HeldUser
from shared.domain.history import DialIn, HistoryRecord
from shared.domain.listing import Provider
from shared.domain.retry import Waiting
from shared.domain.saved import ReplacedProvider
from shared.domain.user import ProviderEntry
from shared.services.admin.forget import Forgetting
from shared.services.admin.user_view import UserView
from shared.services.sweeping.finding import Found
from shared.text import harmless
from shared.views.numbers import dialed


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
            number_before=dialed(before, before.toll_number),
            toll_free_before=dialed(before, before.toll_free_number),
            bridge_before=harmless(before.bridge),
            conference_id_before=harmless(before.conference_id),
            provider_after=harmless(after.provider),
            number_after=dialed(after, after.toll_number),
            toll_free_after=dialed(after, after.toll_free_number),
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
