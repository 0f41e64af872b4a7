"""What this tenant's service tells and takes: found out by reading, and by the app's own real sets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.listing import TenantSwitches

LOOK_EVERY: Final = timedelta(days=1)
"""How long what was found is believed."""


class Known(StrEnum):
    """Whether something is so. UNKNOWN: only a change, or a missing permission, would show it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the service tells and takes.

    api: by which calls it was asked (ACP_TEAMS_API). looked_at: when it was read last. providers:
    whether it reports providers; where it does not, nothing is replaced. bridges: whether it lists
    numbers. documented: whether Graph's documented calls answer. replace: whether replacing a provider
    is offered. set_verb: what is known of the verb of a set, "" before the first one. switches: None
    when they are not known.
    """

    api: str
    looked_at: datetime
    providers: Known = Known.UNKNOWN
    bridges: Known = Known.UNKNOWN
    documented: Known = Known.UNKNOWN
    replace: Known = Known.UNKNOWN
    set_verb: str = ""
    switches: TenantSwitches | None = None

    def is_due(self, now: datetime, api: str) -> bool:
        """Return whether the service has to be read again."""
        return self.api != api or now - self.looked_at >= LOOK_EVERY


def described(found: Capabilities | None) -> dict[str, str]:
    """Return what is known as name and value, for people: the one form for every place that shows it."""
    if found is None:
        return {"looked at": "not yet"}
    switches = found.switches
    effects = {
        "mails users their numbers": switches.sends_mail if switches else None,
        "sends meetings again": switches.sends_meetings if switches else None,
    }
    return {
        "Teams API": found.api,
        "looked at": found.looked_at.strftime("%Y-%m-%d %H:%M UTC"),
        "reports providers": str(found.providers),
        "replaces providers": str(found.replace),
        "lists bridges": str(found.bridges),
        "documented calls": str(found.documented),
        "verb of a set": found.set_verb or str(Known.UNKNOWN),
        **{name: _switch(is_on) for name, is_on in effects.items()},
    }


def _switch(is_on: bool | None) -> str:
    return str(Known.UNKNOWN if is_on is None else Known.YES if is_on else Known.NO)
