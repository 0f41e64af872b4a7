"""Hand-made users and evidence for the tests of the demo."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cli.demo.summary import Evidence, TenantUser
from shared.domain.retry import Waiting, WaitReason
from shared.domain.user import MICROSOFT, ProviderEntry
from tests.fakes import guid

PASSCODE = "7654321"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def entry(name: str, *, default: bool = True, free: str = "18005550100") -> ProviderEntry:
    """A provider entry."""
    return ProviderEntry(
        name, f"{name}.example", "12035550100", free, PASSCODE, f"https://{name}.example", default
    )


def person(number: int, provider: str | None = None, **other: Any) -> TenantUser:
    """A licensed, included user; born with one entry of the provider, if it is a third party."""
    born = () if provider in (None, MICROSOFT) else (entry(str(provider)),)
    fields: dict[str, Any] = {
        "id": guid(number),
        "name": f"Person {number}",
        "upn": f"person{number}@contoso.example",
        "licensed": True,
        "included": True,
        "plan_status": "Enabled",
        "provider": provider,
        "original_entries": born,
    }
    return TenantUser(**(fields | other))


def moved(user: TenantUser) -> TenantUser:
    """The same user on Microsoft."""
    return replace(user, provider=MICROSOFT)


def change(user: TenantUser, action: str, before: str | None) -> dict[str, Any]:
    """A line of the tenant's log of changes."""
    return {"user": user.id, "at": "", "action": action, "from": before, "to": MICROSOFT}


def waits(
    user: TenantUser, cause: WaitReason = WaitReason.PROVISIONING, *, due: bool = True
) -> Waiting:
    """A row of table `waiting`; not due: the user needs attention."""
    return Waiting(
        user_id=user.id,
        cause=cause,
        reason="Teams is slow",
        since=NOW,
        due=NOW,
        looked_at=NOW,
        needs_attention=not due,
    )


def evidence(
    after: list[TenantUser], before: list[TenantUser] | None = None, **other: Any
) -> Evidence:
    """Evidence of a demo that did nothing but what is given."""
    fields: dict[str, Any] = {
        "before": after if before is None else before,
        "after": after,
        "changes": [],
        "counters": {"calls": {}, "notifications": {"delivered": 0}},
        "moved": set(),
        "saved": {},
        "waiting": {},
        "unfinished": [],
        "seconds": 12.3456,
        "working": 5.0,
    }
    return Evidence(**(fields | other))
