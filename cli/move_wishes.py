"""What `acp move` is asked for beside the users, and what the tenant does beside."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cli.errors import CommandError
from cli.output import tell

if TYPE_CHECKING:
    from shared.clients.teams_models import ConferencingSettings
    from shared.desk import Desk
    from shared.domain.options import MoveOptions
    from shared.domain.outcome import UserResult

_E164 = re.compile(r"\+[1-9]\d{6,14}")


class Where(StrEnum):
    """Who does the work."""

    DIRECT = "direct"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of the command line that say how, not whom."""

    dry_run: bool
    yes: bool
    send_email: bool
    service_number: str | None
    toll_free_number: str | None

    def __post_init__(self) -> None:
        """Raise CommandError for a number that is not in E.164 with a plus sign."""
        named = {"service": self.service_number, "toll-free": self.toll_free_number}
        for name, number in named.items():
            if number is not None and not _E164.fullmatch(number):
                raise CommandError(
                    f"--{name}-number {number!r}: a number such as +14255550100 is needed", 2
                )

    @property
    def options(self) -> "MoveOptions":
        """The wishes in the domain's words."""
        from shared.domain.options import MoveOptions  # noqa: PLC0415 - other commands need none

        return MoveOptions(self.send_email, self.service_number, self.toll_free_number)

    def for_app(self) -> dict[str, object]:
        """Return what the deployed app is told."""
        wishes = {
            "dry_run": self.dry_run,
            "send_email": self.send_email,
            "service_number": self.service_number,
            "toll_free_number": self.toll_free_number,
        }
        return {name: value for name, value in wishes.items() if value}

    async def check_numbers(self, desk: "Desk") -> None:
        """Raise InputError when a number, asked for or of a rule, is on no bridge.

        The tenant is asked only when there are numbers.
        """
        from shared.domain.bridges import check_options, rule_faults  # noqa: PLC0415

        rules = desk.app.rules.numbers
        if not (rules or self.service_number or self.toll_free_number):
            return
        known = await desk.app.teams.bridge_numbers()
        check_options(self.options, known, rules)
        if wrong := rule_faults(rules, known):
            tolls = ", ".join(sorted(each.number for each in known if not each.toll_free))
            raise CommandError(
                f"ACP_NUMBER_RULES: {', '.join(wrong)}: no toll number of a bridge; there are {tolls}",
                2,
            )


async def tell_side_effects(desk: "Desk") -> "ConferencingSettings":
    """Tell what the tenant does beside when a provider changes, before anything changes."""
    found = await desk.app.teams.conferencing_settings()
    mails, meetings = (
        found.automatically_send_emails_to_users,
        found.automatically_migrate_user_meetings,
    )
    tell(f"  mails to users with their new numbers and PIN: {'yes' if mails else 'no'}")
    tell(f"  their future meetings are sent again to everybody: {'yes' if meetings else 'no'}")
    replaces = "yes" if found.automatically_replace_acp_provider else "no"
    tell(f"  licensing alone replaces a third party: {replaces}")
    return found


def tell_preview(results: "Iterable[UserResult]", settings: "ConferencingSettings") -> None:
    """Tell what a dry run comes to: the outcomes, and how many users' meetings are touched."""
    results = list(results)
    tell(f"dry run, nothing was changed: {counted(results)}")
    numbers = sum(result.decision == "set_number" for result in results)
    if numbers:
        tell(f"{numbers:,} users on Microsoft would get another default number")
    moves = sum(result.outcome == "would_move" for result in results)
    if moves and settings.automatically_migrate_user_meetings:
        tell(f"all future meetings of {moves:,} users would be sent again to everybody invited")


def counted(results: "Iterable[UserResult]") -> str:
    """Return the outcomes with their numbers, the most frequent first."""
    counts = Counter(str(result.outcome) for result in results)
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
