"""What the listings of Graph and Teams say, page by page, and what Teams says of the whole tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.user import ServiceUser


@dataclass(frozen=True, slots=True)
class TeamsPage:
    """Some users of Teams, and the link to the page after them (None: it was the last).

    faults: (user id or "", what is wrong) of each user whose fields could not be read.
    """

    users: Sequence[ServiceUser]
    next_link: str | None
    faults: Sequence[tuple[str, str]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """A user whom Graph's delta query reports.

    removed: the user was deleted. may_be_licensed: a conferencing plan is, or may be, among the
    plans that changed.
    """

    id: str
    removed: bool
    may_be_licensed: bool


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changed users; the last page has the link from which the next catch-up resumes."""

    users: Sequence[ChangedUser]
    delta_link: str | None


@dataclass(frozen=True, slots=True)
class Provider:
    """A third-party provider that the tenant knows."""

    name: str
    domain: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class TenantSwitches:
    """The tenant-wide switches that decide which side effects a move has.

    replaces: licensing alone replaces a third-party provider. sends_mail: users are mailed new
    numbers and PINs. sends_meetings: future meetings are sent again.
    Source: Set-CsOnlineDialInConferencingTenantSettings, Microsoft Teams PowerShell documentation.
    """

    replaces_provider: bool
    sends_mail: bool
    sends_meetings: bool
