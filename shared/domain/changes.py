"""Whether a user whom Graph's delta query or a notification reports needs an attempt. Pure.

Delta gives the plans as they are now, not as they were: any license change, also of another product,
reports the user. Each plan says when it was assigned ("assignedPlan resource type", Microsoft Graph
documentation). So a user whom the app has seen on Microsoft, and whose conferencing plans were all
assigned long before that and are enabled, is not worth another attempt. In all other cases, and in doubt,
the user is. What this overlooks (a plan that came back under its old date) the nightly sweep finds.
"""

from datetime import datetime, timedelta
from typing import Final

from shared.domain.listing import ChangedUser
from shared.domain.outcome import Outcome
from shared.domain.saved import KnownUser

_MARGIN: Final = timedelta(minutes=10)
"""By how much an attempt must be later than the plan: what it read from Graph may have been older."""

CLOCK_MARGIN: Final = timedelta(seconds=2)
"""By how much an attempt must have begun later than a notification came, to have seen what it reports.

The queue gives times in whole seconds, cut off, and the clocks of two machines differ by less than one.
"""

_REPORTED: Final = frozenset({Outcome.WOULD_MOVE, Outcome.WOULD_CHANGE_BRIDGE})

_ON_MICROSOFT: Final = frozenset({Outcome.MOVED, Outcome.ALREADY_MICROSOFT})


def is_credible(began: datetime, now: datetime) -> bool:
    """Return whether an attempt can have begun then; a clock that was ahead would hide what comes later."""
    return began <= now + CLOCK_MARGIN


def needs_attempt(changed: ChangedUser, known: KnownUser | None, now: datetime) -> bool:
    """Return whether to queue a user who may be licensed; known: what the last attempt found."""
    if not changed.may_be_licensed:
        return False
    began = (known.began_at or known.looked_at) if known else None
    if known is None or began is None or changed.assigned_at is None:
        return True
    settled = known.outcome in _ON_MICROSOFT and is_credible(began, now)
    return not settled or changed.assigned_at + _MARGIN > began


def is_covered(arrived: datetime, known: KnownUser | None, now: datetime) -> bool:
    """Return whether the last attempt began after a notification arrived, and so saw what it reports.

    An attempt that only reported is no reason to change nobody now.
    """
    if known is None or known.began_at is None or known.outcome in _REPORTED:
        return False
    return known.began_at > arrived + CLOCK_MARGIN and is_credible(known.began_at, now)
