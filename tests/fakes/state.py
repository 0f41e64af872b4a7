"""The singletons that the app remembers, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.domain.capabilities import Capabilities
from shared.domain.pause import Pause, RequestedBy
from shared.domain.run import SweepRequest
from shared.domain.subscription import ChangeSubscription
from shared.errors import StaleError, StorageError


@dataclass
class FakeState:
    """The singletons; counts how often the subscription is read."""

    known: ChangeSubscription | None = None
    reads: int = 0
    link: str | None = None
    link_at: datetime | None = None
    sweep: str | None = None
    wanted: SweepRequest | None = None
    released: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    leased: list[tuple[str, datetime, timedelta | None, bool]] = field(default_factory=list)
    """Each lease that was taken, and renewed, with its span; without one where it was given back."""
    excluded: dict[str, str] = field(default_factory=dict)
    protecting: dict[str, str] | None = None
    faults: list[str] = field(default_factory=list)
    found: Capabilities | None = None
    stored: int = 0
    """How often capabilities were stored."""
    actions: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    pausing: Pause | None = None
    paused_by: tuple[RequestedBy, datetime] | None = None
    """Who paused, or ended it, last, and when."""
    pause_error: StorageError | None = None
    licensed_users: int | None = None

    async def subscription(self) -> ChangeSubscription | None:
        self.reads += 1
        return self.known

    async def save_subscription(
        self, subscription: ChangeSubscription, before: ChangeSubscription | None
    ) -> None:
        self._check("subscription", self.known, before)
        self.known = subscription

    async def delta_at(self) -> datetime | None:
        return self.link_at

    async def delta_link(self) -> str | None:
        return self.link

    async def save_delta_link(
        self, link: str, before: str | None, completed_at: datetime | None = None
    ) -> None:
        self._check("delta", self.link, before)
        self.link = link
        self.link_at = completed_at or self.link_at

    async def current_sweep(self) -> str | None:
        return self.sweep

    async def save_current_sweep(self, run: str | None, before: str | None) -> None:
        self._check("sweep", self.sweep, before)
        self.sweep = run

    async def sweep_request(self) -> SweepRequest | None:
        return self.wanted

    async def request_sweep(self) -> None:
        self.wanted = replace(self.wanted or SweepRequest(), run="")

    async def save_sweep_request(
        self, request: SweepRequest | None, before: SweepRequest | None
    ) -> None:
        self._check("sweep-request", self.wanted, before)
        self.wanted = request

    async def released_sweeps(self) -> list[str]:
        return list(self.released)

    async def add_released_sweep(self, run: str) -> None:
        self.released.append(run)

    async def remove_released_sweep(self, run: str) -> None:
        self.released = [known for known in self.released if known != run]

    async def open_runs(self) -> list[str]:
        return list(self.open)

    async def add_open_run(self, run: str) -> None:
        self.open.add(run)

    async def remove_open_run(self, run: str) -> None:
        self.open.discard(run)

    async def excluded_ids(self) -> Mapping[str, str]:
        return dict(self.excluded)

    async def save_excluded_ids(self, ids: Mapping[str, str], before: Mapping[str, str]) -> None:
        self._check("excluded-ids", self.excluded, dict(before))
        self.excluded = dict(ids)

    async def protection(self) -> Mapping[str, str] | None:
        return self.protecting

    async def save_protection(self, settings: Mapping[str, str]) -> None:
        self.protecting = dict(settings)

    async def rule_faults(self) -> Sequence[str]:
        return list(self.faults)

    async def save_rule_faults(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)

    async def capabilities(self) -> Capabilities | None:
        return self.found

    async def save_capabilities(self, found: Capabilities) -> None:
        self.found = found
        self.stored += 1

    async def add_action(self, what: str, who: str, detail: str, now: datetime) -> None:
        self.actions.append((what, who, detail, now))

    async def pause(self) -> Pause | None:
        if self.pause_error:
            raise self.pause_error
        return self.pausing

    async def save_pause(self, pause: Pause | None, by: RequestedBy, now: datetime) -> None:
        self.pausing, self.paused_by = pause, (by, now)

    async def licensed(self) -> int | None:
        return self.licensed_users

    async def save_licensed(self, count: int) -> None:
        self.licensed_users = count

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        holder, until = self.leases.get(name, ("" if renew else owner, now))
        if holder != owner and (renew or until > now):
            return False
        self.leases[name] = (owner, now + span)
        self.leased.append((name, now, span, renew))
        return True

    async def release(self, name: str, owner: str, now: datetime) -> None:
        if self.leases.get(name, ("", now))[0] == owner:
            del self.leases[name]
            self.leased.append((name, now, None, False))

    def _check(self, name: str, held: object, before: object) -> None:
        if held != before:
            raise StaleError(f"state {name!r}: somebody else has just written it")
