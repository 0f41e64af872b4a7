"""Services that find whom to move: sweep, notifications, change feed, requests."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from shared.bootstrap.moving import MovingServices
from shared.domain.run import Mode

if TYPE_CHECKING:
    from shared.domain.move_request import MoveRequest
    from shared.services.move_requests.carry_out import MoveRunner
    from shared.services.move_requests.failed_pages import FailedPages
    from shared.services.move_requests.queued import QueuedMoveRequests
    from shared.services.notifications.catch_up import CatchUp
    from shared.services.notifications.intake import NotificationIntake
    from shared.services.notifications.queued_events import QueuedEvents
    from shared.services.notifications.subscription import Subscriber
    from shared.services.sweeping.finding import Finder
    from shared.services.sweeping.sweep import Sweeper


class SignalServices(MovingServices):
    """Builds on those that move users."""

    @cached_property
    def sweeper(self) -> Sweeper:
        """Sweeps all users."""
        from shared.services.sweeping.reading import SweepReader
        from shared.services.sweeping.sweep import Sweeper

        to = self.adapters
        reader = SweepReader(
            directory=to.graph,
            conferencing=to.teams,
            replaced=to.replaced,
            waiting=to.waiting,
            runs=to.runs,
            pages=to.sweep_pages,
            rules=self.standing_rules,
            roster=self._roster_keeper,
            held=to.held,
            clock=to.clock,
            log=to.log("sweeping"),
        )
        return Sweeper(
            reader=reader,
            runs=to.runs,
            pages=to.sweep_pages,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            # A report moves no users, so there is nothing to hold.
            limit=None if self.settings.mode is Mode.REPORT else self._guard_limit,
            mode=self.settings.mode,
            policy=self._retry_policy,
            lease=timedelta(seconds=self.settings.sweep_lease_seconds),
            clock=to.clock,
            log=to.log("sweeping"),
        )

    @cached_property
    def finder(self) -> Finder:
        """Finds users by provider."""
        from shared.services.sweeping.finding import Finder

        to = self.adapters
        return Finder(to.graph, to.teams, self.standing_rules, to.clock)

    @cached_property
    def intake(self) -> NotificationIntake:
        """Reads change notifications."""
        from shared.services.notifications.intake import NotificationIntake

        to = self.adapters
        of = self.settings
        return NotificationIntake(to.state, of.tenant_id, of.mode, to.clock, to.log("intake"))

    @cached_property
    def queued_events(self) -> QueuedEvents:
        """Takes the events that Event Grid put into a queue."""
        from shared.services.notifications.queued_events import QueuedEvents

        return QueuedEvents(self.intake, self.mover)

    @cached_property
    def catch_up(self) -> CatchUp:
        """Asks Graph which licenses changed."""
        from shared.services.notifications.catch_up import CatchUp

        to = self.adapters
        return CatchUp(
            directory=to.graph,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            users=to.users,
            waiting=to.waiting,
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("catching_up"),
        )

    @cached_property
    def subscriber(self) -> Subscriber:
        """Maintains the change subscription."""
        from shared.services.notifications.subscription import Subscriber

        to, url = self.adapters, self.settings.notification_url
        return Subscriber(to.graph, to.state, url, to.clock, to.log("subscribing"))

    @cached_property
    def move_requests(self) -> QueuedMoveRequests:
        """Accepts requests, and carries them out page by page."""
        from shared.services.move_requests.queued import QueuedMoveRequests

        to = self.adapters
        return QueuedMoveRequests(
            runner=self.move_runner,
            previewer=self.previewer,
            finder=self.finder,
            requests=to.move_requests,
            runs=to.runs,
            queue=to.queue(self.settings.queues.requests.name),
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("requests"),
        )

    @cached_property
    def move_runner(self) -> MoveRunner:
        """Carries out requests in this process."""
        from shared.services.move_requests.carry_out import MoveRunner

        to = self.adapters
        return MoveRunner(
            directory=to.graph,
            mover=self.mover,
            requests=to.move_requests,
            runs=to.runs,
            mode=self.settings.mode,
            clock=to.clock,
        )

    @cached_property
    def failed_pages(self) -> FailedPages:
        """Marks the runs of poison messages."""
        from shared.services.move_requests.failed_pages import FailedPages
        from shared.storage.codec import decode_page

        to = self.adapters
        poison = to.poison(self.settings.queues.requests, decode_page)
        return FailedPages(poison, to.runs, to.log("poison"))

    async def validated(self, request: MoveRequest) -> MoveRequest:
        """Return a request that this tenant can carry out; InputError: it cannot."""
        from shared.services.move_requests.validate import validate

        return await validate(request, self.adapters.teams, self.adapters.rules)
