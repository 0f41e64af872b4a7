"""Options of `acp move` for how users are moved, and the side effects that are shown first."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cli.advice import summary
from cli.errors import CommandError
from cli.output import tell
from shared.domain.options import TOLL, TOLL_FREE
from shared.errors import InputError
from shared.text import counted

if TYPE_CHECKING:
    from cli.move.selection import Given
    from shared.bootstrap.services import App
    from shared.domain.listing import TenantSwitches
    from shared.domain.move_request import MoveRequest
    from shared.domain.outcome import UserResult


class Where(StrEnum):
    """Who does the work."""

    DIRECT = "direct"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Parameters:
    """Options of the command line for how users are moved, not which."""

    dry_run: bool
    yes: bool
    send_email: bool
    service_number: str | None
    toll_free_number: str | None
    expected: int | None = None
    ticket: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        """Spell the numbers as the service does; CommandError: one is no phone number."""
        from shared.domain.bridges import read_number  # noqa: PLC0415 - other commands need none

        for field in ("service_number", "toll_free_number"):
            if (number := getattr(self, field)) is None:
                continue
            try:
                object.__setattr__(self, field, read_number(number))
            except InputError as error:
                raise CommandError(f"--{field.replace('_', '-')} {error}", 2) from None

    def request(self, given: "Given | None", provider: str | None) -> "MoveRequest":
        """Return the move request: over these users, or over those found by provider."""
        users = given.names if given else None
        from shared.domain.move_request import MoveRequest  # noqa: PLC0415
        from shared.domain.options import MoveOptions  # noqa: PLC0415
        from shared.userlists.names import distinct  # noqa: PLC0415

        return MoveRequest(
            None if users is None else tuple(distinct(users)),
            provider,
            MoveOptions(
                self.send_email,
                self.service_number,
                self.toll_free_number,
                self.expected,
                given.own_numbers if given else {},
            ),
            self.dry_run,
            len(users or ()),
            self.ticket or "",
            self.note or "",
        )

    def check_numbers(self, given: "Given | None") -> None:
        """Raise CommandError where the file gives numbers and an option does, too; else say how many."""
        own = given.own_numbers if given else {}
        if own and (self.service_number or self.toll_free_number):
            raise CommandError(
                "--service-number and --toll-free-number are for all users, and the file has numbers of "
                f"single ones (columns {TOLL}, {TOLL_FREE}): leave one of them out",
                2,
            )
        if own:
            tell(f"{counted(len(own), 'user')} with numbers of the file's")

    def body(self) -> dict[str, object]:
        """Return their part of the body of a request to the deployed app."""
        fields = {
            "dry_run": self.dry_run,
            "send_email": self.send_email,
            "service_number": self.service_number,
            "toll_free_number": self.toll_free_number,
            "ticket": self.ticket,
            "note": self.note,
        }
        given: dict[str, object] = {name: value for name, value in fields.items() if value}
        return given if self.expected is None else {**given, "expected": self.expected}


async def refuse_other_protection(app: "App") -> None:
    """Raise CommandError when the deployed app protects other users than these settings do."""
    differences = await app.protection.differences()
    if differences:
        raise CommandError(
            f"{', '.join(differences)}: other than in the deployed app; nothing was changed. "
            "Use its settings, or --where app",
            2,
        )
    if differences is None:
        tell("warning: the app has not stored its settings yet, so they could not be compared")


async def tell_pause(app: "App") -> None:
    """Warn when changes are paused: then the users only wait."""
    if pause := await app.pauses.current():
        tell(f"warning: changes are {pause}; users who would be changed wait until it ends")


async def tell_side_effects(app: "App") -> "TenantSwitches | None":
    """Show the side effects of a change in this tenant, by its own switches, before anything changes."""
    found = await app.adapters.teams.switches()
    if found is None:
        tell("  documented mode (ACP_TEAMS_API): users are only checked, nothing is set")
        return None
    for effect, happens in {
        "mails to users with their new numbers and PIN (AutomaticallySendEmailsToUsers)": (
            found.sends_mail
        ),
        "their future meetings are sent again to everybody (AutomaticallyMigrateUserMeetings)": (
            found.sends_meetings
        ),
        "licensing alone replaces a third party (AutomaticallyReplaceAcpProvider)": (
            found.replaces_provider
        ),
    }.items():
        tell(f"  {effect}: {'yes' if happens else 'no'}")
    return found


def tell_preview(
    results: "Sequence[UserResult]",
    switches: "TenantSwitches | None",
    named: int,
    *,
    send_email: bool,
) -> None:
    """Show the result of a dry run: the outcomes, and how many users would notice what.

    named: how many names were given, 0: none. switches: None where nothing is set.
    """
    from shared.domain.side_effects import SideEffects  # noqa: PLC0415

    outcomes = summary(result.outcome for result in results)
    tell(f"dry run, nothing was changed: {names_and_users(named, len(results))}{outcomes}")
    bridges = sum(result.decision == "change_bridge" for result in results)
    if bridges:
        who = counted(bridges, "user")
        tell(f"{who} on Microsoft would change to the bridge of their new number")
    if switches is None:
        return
    for line in SideEffects.of(results, switches, send_email=send_email).lines():
        tell(line)


def names_and_users(names: int, users: int) -> str:
    """Return how many users so many names stand for, where that is not the same number."""
    if names in (0, users):
        return ""
    return f"{counted(names, 'name')}, {counted(users, 'user')}: "
