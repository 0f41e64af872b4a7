"""Views of the data: one shape for the HTTP API, the console and the command line.

The HTTP API answers with these models, and the command line makes its rows from them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel

from shared.domain.listing import Provider
from shared.domain.outcome import UserResult
from shared.domain.retry import Waiting
from shared.domain.run import Run
from shared.domain.saved import ReplacedProvider
from shared.domain.user import ProviderEntry
from shared.services.admin.doctor import Finding
from shared.services.admin.forget import Forgetting
from shared.services.admin.result_details import ResultDetail
from shared.services.admin.user_view import UserView
from shared.services.sweeping.finding import Found
from shared.text import harmless

_E164_LENGTHS: Final = (7, 15)
"""Digits of a number with its country code (ITU-T E.164; the shortest that are in use)."""


class RunView(BaseModel):
    """A run: its state, its counts by name, and when it began and ended (UTC)."""

    id: str
    cause: str
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int]

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the view of a run."""
        return cls(
            id=run.id,
            cause=run.cause,
            state=str(run.state),
            started_at=run.started_at,
            finished_at=run.finished_at,
            reason=run.reason,
            counts=run.counts,
        )


class ResultView(BaseModel):
    """The result of one user of a run."""

    user: str
    id: str
    outcome: str
    reason: str
    provider_before: str | None = None

    @classmethod
    def of(cls, result: UserResult) -> Self:
        """Return the view of a result."""
        return cls(
            user=result.upn or result.user_id,
            id=result.user_id,
            outcome=str(result.outcome),
            reason=result.reason,
            provider_before=result.old_provider,
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
    """A complete saved entry: the conference ID is a secret of the user's meetings."""

    conference_id: str
    url: str
    saved_at: datetime

    @classmethod
    def all_of(cls, record: ReplacedProvider) -> list[Self]:
        """Return the view of the entries of a saved record."""
        return [
            cls(
                **EntryView.of(entry).model_dump(),
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

    Its texts steer no terminal. Numbers are in E.164 where the service gives them with their country.
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
    id: str

    @classmethod
    def of(cls, run: str, detail: ResultDetail) -> Self:
        """Return the view of a result. run: "" for a dry run, which has none."""
        result, seen = detail.result, detail.seen
        before, after = detail.change.before, detail.change.after
        return cls(
            time=result.at,
            run=run,
            user=harmless(result.upn or result.user_id),
            name=harmless(seen.name) if seen else "",
            department=harmless(seen.department) if seen else "",
            country=harmless(seen.country) if seen else "",
            provider_before=harmless(result.old_provider or ""),
            number_before=international(before.toll_number) if before else "",
            toll_free_before=international(before.toll_free_number) if before else "",
            number_after=international(after.toll_number) if after else "",
            toll_free_after=international(after.toll_free_number) if after else "",
            outcome=str(result.outcome),
            reason=harmless(result.reason),
            id=harmless(result.user_id),
        )


def international(number: str) -> str:
    """Return a number with the plus sign if it has its country; a national one as it is."""
    least, most = _E164_LENGTHS
    has_country = number.isascii() and number.isdigit() and number[0] != "0"
    return f"+{number}" if has_country and least <= len(number) <= most else harmless(number)
