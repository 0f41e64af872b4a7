"""The app: all services, each built on the adapters at its first use, and the tick that drives the upkeep."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from shared.bootstrap.admin import AdminServices
from shared.concurrency import each_of

if TYPE_CHECKING:
    from shared.services.upkeep.tick import Ticker


class App(AdminServices):
    """Services of the function app and the command line, built from `adapters` on first use."""

    @cached_property
    def ticker(self) -> Ticker:
        """Does what is due every minute or every few minutes."""
        from shared.domain.messages import Upkeep
        from shared.domain.schedule import Schedule
        from shared.services.upkeep.tick import Part, Ticker

        to, of = self.adapters, self.settings
        recheck = Schedule.parse(of.recheck_schedule)
        catch_up = Schedule.parse(of.catch_up_schedule)
        poison = (self.poison.record, self.failed_pages.record, self.failed_events.record)
        parts = {
            Upkeep.RENEW: Part(partial(self.subscriber.keep, renew_now=True)),
            Upkeep.RECHECK: Part(self.rechecker.recheck, recheck),
            Upkeep.RELEASES: Part(self.releases.resume, recheck),
            Upkeep.SWEEP: Part(self.sweeper.resume, recheck),
            Upkeep.RUNS: Part(self.run_outcomes.update, recheck),
            Upkeep.CATCH_UP: Part(self.catch_up.catch_up, catch_up),
            Upkeep.POISON: Part(partial(each_of, *poison), catch_up),
            Upkeep.MEASURE: Part(self.metrics.measure, catch_up),
        }
        queue = to.queue(of.queues.upkeep.name)
        return Ticker(parts, Schedule.parse(of.tick_schedule), queue, to.clock, to.log("tick"))
