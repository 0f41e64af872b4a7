"""Pages of the listings of Graph and Teams, and the tenant-wide data of Teams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from shared.domain.user import ServiceUser


@dataclass(frozen=True, slots=True)
class TeamsPage:
    """A page of Teams users, and the link to the next page (None: it was the last).

    faults: (user id or "", what is wrong) of each user whose fields could not be read. restarts: the
    listing begins again with this page, because the one before could not be trusted: its users will be
    listed once more.
    """

    users: Sequence[ServiceUser]
    next_link: str | None
    faults: Sequence[tuple[str, str]] = field(default_factory=tuple)
    restarts: bool = False


_MISSING: Final = 0.1
"""Share of the licensed users who may be missing: Teams lists a new user later than Graph."""

_FEW: Final = 10


def listing_doubt(counts: Mapping[str, int]) -> str:
    """Return why Teams' listing is doubtful, by the counts of a sweep; "" when it is not.

    A service that ignores the page size asked for, and names its next page as nobody expects, looks like
    a small tenant. Its licensed users are known to Graph, so many who are not listed show it.
    """
    missing, licensed = counts.get("unlisted", 0), counts.get("licensed", 0)
    if missing < _FEW or missing <= _MISSING * licensed:
        return ""
    return (
        f"Teams' listing of {counts.get('users', 0)} users lacks {missing} of {licensed} licensed "
        "users: it may have been cut off"
    )


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """A user reported by Graph's delta query.

    removed: the user was deleted. may_be_licensed: a conferencing plan is, or may be, among the
    plans that changed. assigned_at: when the newest of the conferencing plans was assigned, where all
    of them are enabled and say so; None: not known.
    """

    id: str
    removed: bool
    may_be_licensed: bool
    assigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of changed users.

    delta_link: of the last page: the link from which the next catch-up resumes. next_link: of any
    other: the next page. skipped: elements of the page that name no user.
    """

    users: Sequence[ChangedUser]
    delta_link: str | None
    next_link: str | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Provider:
    """A third-party provider that the tenant knows."""

    name: str
    domain: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class TenantSwitches:
    """Tenant-wide switches for the side effects of a move.

    replaces: licensing alone replaces a third-party provider. sends_mail: users are mailed new
    numbers and PINs. sends_meetings: future meetings are sent again.
    Source: Set-CsOnlineDialInConferencingTenantSettings, Microsoft Teams PowerShell documentation.
    """

    replaces_provider: bool
    sends_mail: bool
    sends_meetings: bool
