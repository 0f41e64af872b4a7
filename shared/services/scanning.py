"""What one page of users means: whom to queue, whose entries to save, what to count. No I/O."""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from shared.clients.teams_models import Page
from shared.domain.decision import Action, Rules, decide
from shared.domain.user import DirectoryUser, PlanStatus, ServiceUser
from shared.services.memberships import Memberships

TO_QUEUE: Final = frozenset({Action.REPLACE, Action.ENABLE, Action.SET_NUMBER, Action.WAIT})


@dataclass(slots=True)
class PageScan:
    """What was found on a page. `unreadable`: (user id or "", what is wrong)."""

    licensed: list[str] = field(default_factory=list)
    to_queue: list[str] = field(default_factory=list)
    to_save: list[ServiceUser] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def scan_page(
    page: Page, licensed: AbstractSet[bytes], groups: Memberships, rules: Rules
) -> PageScan:
    """Return what a page means; `licensed` holds the 16 bytes of user ids.

    Rooms are not among the licensed, unless the rules include them.
    """
    found = PageScan(unreadable=page.faults)
    for user in page.users:
        key = UUID(user.id).bytes
        if key in licensed:
            found.licensed.append(user.id)
        view = directory_view(user, licensed=key in licensed, groups=groups)
        action = decide(view, user, rules).action
        found.counts["users"] += 1
        found.counts[str(action)] += 1
        if action in TO_QUEUE:
            found.to_queue.append(user.id)
        if action in (Action.UNLICENSED, Action.WAIT) and user.on_third_party:
            # Licensing or provisioning alone may replace the provider.
            found.to_save.append(user)
    for user_id, _ in page.faults:
        # The mover looks at a user whose fields could not be read, and records what is wrong.
        found.counts["unreadable"] += 1
        if is_guid(user_id):
            found.licensed.append(user_id)
            found.to_queue.append(user_id)
    return found


def directory_view(user: ServiceUser, *, licensed: bool, groups: Memberships) -> DirectoryUser:
    """Return what the listings say of a user in the directory's words; guests are known from Teams."""
    return DirectoryUser(
        id=user.id,
        upn=user.upn,
        plan_status=PlanStatus.ENABLED if licensed else None,
        usage_location=user.usage_location,
        groups=groups.of(user.id),
    )


def is_guid(text: str) -> bool:
    """Return whether a text is a user id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
