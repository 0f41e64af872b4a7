"""What happened to a user of a run, as a row of the output."""

from typing import TYPE_CHECKING, Final

from cli.output import Row

if TYPE_CHECKING:
    from shared.domain.outcome import UserResult

COLUMNS: Final = ("user", "outcome", "provider_before", "reason", "id")


def row(result: "UserResult") -> Row:
    """Return a result as a row with COLUMNS."""
    return {
        "user": result.upn or result.user_id,
        "outcome": str(result.outcome),
        "provider_before": result.old_provider,
        "reason": result.reason,
        "id": result.user_id,
    }
