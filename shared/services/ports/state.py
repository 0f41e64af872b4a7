"""Ports to what the app knows about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from shared.domain.capabilities import Capabilities
    from shared.domain.pause import Pause, RequestedBy
    from shared.domain.run import SweepRequest
    from shared.domain.subscription import ChangeSubscription


class CapabilityStore(Protocol):
    """The part of table `state` for what the service tells and takes."""

    async def capabilities(self) -> Capabilities | None:
        """Return what was found last, or None."""
        ...

    async def save_capabilities(self, found: Capabilities) -> None:
        """Remember what was found."""
        ...


class State(CapabilityStore, Protocol):
    """Table `state`: the app's own state."""

    async def subscription(self) -> ChangeSubscription | None:
        """Return the stored subscription, or None."""
        ...

    async def save_subscription(
        self, subscription: ChangeSubscription, before: ChangeSubscription | None
    ) -> None:
        """Store the subscription in place of `before`; StaleError: another is stored by now."""
        ...

    async def delta_at(self) -> datetime | None:
        """Return when a catch-up last came to its end, or None before the first."""
        ...

    async def delta_link(self) -> str | None:
        """Return where the next catch-up resumes, or None before the first.

        UnreadableRowError: nobody knows any more.
        """
        ...

    async def save_delta_link(
        self, link: str, before: str | None, completed_at: datetime | None = None
    ) -> None:
        """Store where the next catch-up resumes, in place of `before`; StaleError: it is another by now.

        completed_at: when all changes were read, if they were.
        """
        ...

    async def current_sweep(self) -> str | None:
        """Return the id of the unfinished sweep, or None."""
        ...

    async def save_current_sweep(self, run: str | None, before: str | None) -> None:
        """Store the id of the unfinished sweep in place of `before`; StaleError: it is another by now."""
        ...

    async def sweep_request(self) -> SweepRequest | None:
        """Return the requested sweep, or None."""
        ...

    async def request_sweep(self) -> None:
        """Request a sweep that begins after now."""
        ...

    async def save_sweep_request(
        self, request: SweepRequest | None, before: SweepRequest | None
    ) -> None:
        """Store a request in place of `before`; None: it is served; StaleError: it is another by now."""
        ...

    async def released_sweeps(self) -> list[str]:
        """Return the ids of the released runs."""
        ...

    async def add_released_sweep(self, run: str) -> None:
        """Store the id of a released run."""
        ...

    async def remove_released_sweep(self, run: str) -> None:
        """Remove a released run: it is done."""
        ...

    async def open_runs(self) -> list[str]:
        """Return the ids of the runs whose results are counted again."""
        ...

    async def add_open_run(self, run: str) -> None:
        """Have a run's results counted until everybody has an outcome."""
        ...

    async def remove_open_run(self, run: str) -> None:
        """Count a run's results no more."""
        ...

    async def pause(self) -> Pause | None:
        """Return the pause, or None: changes are permitted. StorageError: not known."""
        ...

    async def save_pause(self, pause: Pause | None, by: RequestedBy, now: datetime) -> None:
        """Store a pause, or its end (None); by, now: who asked for that and when."""
        ...

    async def licensed(self) -> int | None:
        """Return how many users were licensed at the last sweep, or None before the first."""
        ...

    async def save_licensed(self, count: int) -> None:
        """Remember how many users are licensed."""
        ...

    async def excluded_ids(self) -> Mapping[str, str]:
        """Return the ids of the users who are excluded by name, as they were found first."""
        ...

    async def save_excluded_ids(self, ids: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Remember the ids of the users who are excluded by name, in place of `before`."""
        ...

    async def protection(self) -> Mapping[str, str] | None:
        """Return what the app's protecting settings are, or None before it stored them."""
        ...

    async def save_protection(self, settings: Mapping[str, str]) -> None:
        """Remember what the app's protecting settings are."""
        ...

    async def rule_faults(self) -> Sequence[str]:
        """Return what the last check of the rules found wrong."""
        ...

    async def save_rule_faults(self, faults: Sequence[str]) -> None:
        """Remember what a check of the rules found wrong."""
        ...

    async def add_action(self, what: str, who: str, detail: str, now: datetime) -> None:
        """Remember who did what; detail: without the name of anybody else."""
        ...

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        """Take a lease, or renew one that no other holder has taken since; False: another holder has it."""
        ...

    async def release(self, name: str, owner: str, now: datetime) -> None:
        """Release a lease, if it is still ours."""
        ...
