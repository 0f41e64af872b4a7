"""What the control API shows of the tenant's state."""

import json
from collections import Counter
from collections.abc import AsyncIterator

from local.tenant.clock import stamp
from local.tenant.directory.people import MICROSOFT, User
from local.tenant.directory.plans import conferencing_status
from local.tenant.tenant import Tenant


def show_user(user: User) -> dict[str, object]:
    """One user of `GET /_tenant/state`."""
    conference = user.conference if user.provider == MICROSOFT else None
    return {
        "id": user.id,
        "userPrincipalName": user.upn,
        "displayName": user.display_name,
        "kind": user.kind.value,
        "accountType": user.account_type,
        "usageLocation": user.usage_location,
        "licensed": user.licensed and user.deleted_at is None,
        "planStatus": conferencing_status(user.plans),
        "included": user.included,
        "deleted": user.deleted_at is not None,
        "provisioned": user.provisioned,
        "provider": user.provider,
        "entries": [entry.as_json() for entry in user.entries],
        "original_entries": [entry.as_json() for entry in user.original_entries],
        "conference_id": conference.conference_id if conference else None,
        "number": conference.number if conference else None,
        "sets": user.sets,
        "mails": user.mails,
    }


def totals(tenant: Tenant) -> dict[str, object]:
    """How many users there are of each sort, and how much has happened to them."""
    kinds: Counter[str] = Counter()
    providers: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for user in tenant.directory.users:
        licensed = user.licensed and user.deleted_at is None
        kinds[user.kind.value] += 1
        providers[user.provider or "none"] += 1
        counts["licensed"] += licensed
        counts["included"] += user.included
        counts["licensedIncluded"] += licensed and user.included
        moved = user.provider == MICROSOFT
        counts["licensedIncludedMicrosoft"] += licensed and user.included and moved
        counts["licensedIncludedNotMicrosoft"] += licensed and user.included and not moved
        counts["readyToMove"] += licensed and user.included and user.provisioned and not moved
        counts["excludedChanged"] += not user.included and user.sets > 0
        counts["sets"] += user.sets
        counts["mails"] += user.mails
    return {
        "users": len(tenant.directory.users),
        **counts,
        "changes": len(tenant.ledger.changes),
        "kinds": dict(kinds),
        "providers": dict(providers),
    }


def state_head(tenant: Tenant) -> dict[str, object]:
    """Everything of the state but the users."""
    return {
        "tenantId": tenant.id,
        "seed": tenant.options.seed,
        "now": stamp(tenant.clock.now()),
        "totals": totals(tenant),
    }


async def stream_state(tenant: Tenant) -> AsyncIterator[str]:
    """The whole state as pieces of one JSON text: 100,000 users never stand in memory at once."""
    yield json.dumps(state_head(tenant))[:-1] + ', "users": ['
    for start in range(0, len(tenant.directory.users), 500):
        chunk = tenant.directory.users[start : start + 500]
        text = json.dumps([show_user(user) for user in chunk])[1:-1]
        yield (", " if start else "") + text
    yield "]}"
