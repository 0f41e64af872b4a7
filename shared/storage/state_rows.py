"""What the rows of table `state` say. Each raises what `rows.field` does for a row that is damaged.

Those say so that take a damaged row for something.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.capabilities import Capabilities, Known
from shared.domain.listing import TenantSwitches
from shared.domain.pause import Pause, RequestedBy
from shared.domain.run import SweepRequest
from shared.domain.subscription import ChangeSubscription, Secret
from shared.storage.rows import field, json_field

_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_KNOWN: Final = ("providers", "bridges", "documented", "replace")


def subscription_of(row: dict[str, Any]) -> ChangeSubscription:
    """Return the subscription."""
    found = [
        Secret(
            client_state=field(item, "client_state", str),
            subscription_id=field(item, "subscription_id", str, ""),
            valid_until=field(item, "valid_until", str, ""),
        )
        for item in json_field(row, "secrets", list)
    ]
    for secret in found:
        secret.is_valid(_ANY_TIME)
    return ChangeSubscription(
        secrets=tuple(found),
        subscription_id=field(row, "subscription_id", str),
        created_at=field(row, "created_at", datetime, None),
        expires_at=field(row, "expires_at", datetime, None),
    )


def pause_of(row: dict[str, Any]) -> Pause | None:
    """Return the pause; None: it was ended."""
    by = RequestedBy(field(row, "by_name", str), field(row, "by_id", str))
    pause = Pause(field(row, "note", str), by, field(row, "since", datetime))
    return pause if field(row, "paused", bool) else None


def count_of(row: dict[str, Any]) -> int:
    """Return a number."""
    return json_field(row, "value", int)


def capabilities_of(row: dict[str, Any]) -> Capabilities | None:
    """Return what was found; None for a row that is damaged or of a later version: it is found again."""
    try:
        found = json.loads(row["value"])
        switches = found.get("switches")
        return Capabilities(
            api=found["api"],
            looked_at=datetime.fromisoformat(found["looked_at"]),
            **{name: Known(found[name]) for name in _KNOWN if name in found},
            set_verb=found.get("set_verb", ""),
            switches=TenantSwitches(**switches) if switches else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def link_of(row: dict[str, Any]) -> str:
    """Return the link to the change feed."""
    if not (link := field(row, "link", str)):
        raise ValueError("no link")
    return link


def current_of(row: dict[str, Any]) -> str | None:
    """Return the run; None, too, where the row is damaged: another sweep does what that one began."""
    run = row.get("run")
    return run if isinstance(run, str) and run else None


def request_of(row: dict[str, Any]) -> SweepRequest | None:
    """Return the request; a damaged row is one: a sweep too many does no harm, one too few does."""
    if row.get("wanted", True) is False:
        return None
    try:
        return SweepRequest(
            field(row, "served_by", str, ""),
            field(row, "failures", int, 0),
            field(row, "not_before", datetime, None),
        )
    except TypeError:
        return SweepRequest()


def map_of(row: dict[str, Any]) -> dict[str, str]:
    """Return texts by name."""
    found = json_field(row, "value", dict)
    return {name: field(found, name, str) for name in found}


def texts_of(row: dict[str, Any]) -> list[str]:
    """Return texts."""
    return [str(text) for text in json_field(row, "value", list)]
