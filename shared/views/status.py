"""Views of what the app may do now. `acp status` loads them and no others."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from shared.domain.pause import Pause
from shared.services.admin.status import Status


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
