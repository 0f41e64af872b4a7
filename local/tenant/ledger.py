"""Counters of calls, notifications and mails, and the log of every change of a provider."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Counters and the append-only log of provider changes."""

    calls: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    notifications: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    mails: int = 0
    meeting_updates: int = 0
    changes: list[dict[str, object]] = field(default_factory=list)

    def called(self, service: str, operation: str, status: int) -> None:
        """Count one answered call."""
        self.calls[service][operation][str(status)] += 1

    def changed(
        self, user: str, at: str, action: str, before: str | None, after: str | None
    ) -> None:
        """Log one change of a user's conferencing; `before` and `after` are provider names."""
        self.changes.append({"user": user, "at": at, "action": action, "from": before, "to": after})

    def as_json(self) -> dict[str, object]:
        """All counters, for `GET /_tenant/counters`."""
        notified = ("queued", "sent", "delivered", "failed", "dropped", "retried", "slow")
        return {
            "calls": {
                service: {operation: dict(statuses) for operation, statuses in operations.items()}
                for service, operations in self.calls.items()
            },
            "notifications": {name: self.notifications[name] for name in notified},
            "faults": dict(self.faults),
            "mails": self.mails,
            "meetingUpdates": self.meeting_updates,
        }
