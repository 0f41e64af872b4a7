"""Views of runs, and of what they did to each user."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from shared.domain.outcome import UserResult
from shared.domain.pause import Pause
from shared.domain.progress import done, expected
from shared.domain.run import Run
from shared.domain.side_effects import SideEffects
from shared.services.admin.result_details import ResultDetail
from shared.services.admin.run_waits import Waits
from shared.text import harmless
from shared.views.numbers import number_of


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


class WaitsView(BaseModel):
    """Users of a run who are not settled: the app tries `due` of them again, `attention` need a person."""

    due: int = 0
    next_due: datetime | None = None
    attention: int = 0

    @classmethod
    def of(cls, waits: Waits) -> Self:
        """Return the view of those who wait."""
        return cls(due=waits.due, next_due=waits.next_due, attention=waits.attention)


class RunView(BaseModel):
    """A run: its state, its counts by name, and when it began and ended (UTC).

    `done` of `expected` users have an outcome, as far as is known. `by_name`: they were named one by one.
    `requested_by`: who asked for it; `ticket`, `note`: why. `decided_by`: who released or discarded users of
    it, or cancelled it. `paused`: why nobody of it is changed now.
    `side_effects`: of a finished dry run, and of a finished request in report mode. `waits`: where one run is
    shown, once nobody of it gets a first outcome any more.
    """

    id: str
    cause: str
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int]
    done: int = 0
    expected: int = 0
    by_name: bool = False
    requested_by: str | None = None
    decided_by: str | None = None
    ticket: str | None = None
    note: str | None = None
    paused: str | None = None
    side_effects: SideEffectsView | None = None
    waits: WaitsView | None = None

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
            done=done(run),
            expected=expected(run),
            by_name=run.by_name,
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
            number_before=number_of(before, "toll_number"),
            toll_free_before=number_of(before, "toll_free_number"),
            number_after=number_of(after, "toll_number"),
            toll_free_after=number_of(after, "toll_free_number"),
            outcome=str(result.outcome),
            reason=harmless(result.reason),
            requested_by=harmless(run.requested_by) if run else "",
            ticket=harmless(run.ticket) if run else "",
            id=harmless(result.user_id),
        )
