"""Services for people: what they see, and what they decide."""

from __future__ import annotations

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING

from shared.bootstrap.upkeep import UpkeepServices
from shared.settings.settings import TeamsApi, unknown_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.services.admin.attention import Acknowledger
    from shared.services.admin.cancelling import Canceller
    from shared.services.admin.doctor import Doctor
    from shared.services.admin.effects import EffectsReader
    from shared.services.admin.forget import Forgetter
    from shared.services.admin.health import Health
    from shared.services.admin.number_changes import NumberChanges
    from shared.services.admin.pauses import Pauses
    from shared.services.admin.people import People
    from shared.services.admin.picture import RosterPicture
    from shared.services.admin.releases import Releases
    from shared.services.admin.result_details import ResultDetails
    from shared.services.admin.run_history import RunHistory
    from shared.services.admin.run_waits import RunWaits
    from shared.services.admin.saved_ids import SavedIds
    from shared.services.admin.status import StatusReader
    from shared.services.admin.user_history import UserHistory
    from shared.services.admin.user_view import UserReader


class AdminServices(UpkeepServices):
    """Builds on all others."""

    @cached_property
    def health(self) -> Health:
        """Checks storage, Graph and Teams."""
        from shared.services.admin.health import Health

        to = self.adapters
        checks = {
            "storage": to.state.probe,
            "graph": to.graph.probe,
            "teams": to.teams.probe,
            "rules": self.rule_checker.raise_known_faults,
        }
        return Health(checks, to.clock, to.log("health"), self.pauses.current)

    @cached_property
    def user_reader(self) -> UserReader:
        """Reads everything about one user."""
        from shared.services.admin.user_view import UserReader

        to = self.adapters
        return UserReader(
            directory=to.graph,
            conferencing=to.teams,
            users=to.users,
            waiting=to.waiting,
            replaced=to.replaced,
            rules=self.standing_rules,
        )

    @cached_property
    def people(self) -> People:
        """Finds people by any name that they have or had."""
        from shared.services.admin.people import People

        return People(self.adapters.graph, self.adapters.personal)

    @cached_property
    def user_history(self) -> UserHistory:
        """Reads the history of a user."""
        from shared.services.admin.user_history import UserHistory

        to = self.adapters
        return UserHistory(self.people, to.history, to.users, to.replaced)

    @cached_property
    def acknowledger(self) -> Acknowledger:
        """Acknowledges users who need attention."""
        from shared.services.admin.attention import Acknowledger

        return Acknowledger(self.adapters.waiting, self.adapters.history, self.adapters.clock)

    @cached_property
    def saved_ids(self) -> SavedIds:
        """Reads saved conference IDs, and records who did."""
        from shared.services.admin.saved_ids import SavedIds

        to = self.adapters
        return SavedIds(to.replaced, to.history, to.state, to.clock, to.log("api"))

    @cached_property
    def forgetter(self) -> Forgetter:
        """Deletes one person from every table."""
        from shared.services.admin.forget import Forgetter

        to = self.adapters
        return Forgetter(
            people=self.people,
            data=to.personal,
            state=to.state,
            rules=to.rules,
            unreadable=to.tables.unreadable.counts,
            clock=to.clock,
            log=to.log("forget"),
        )

    @cached_property
    def number_changes(self) -> NumberChanges:
        """Compares numbers before and after a move."""
        from shared.services.admin.number_changes import NumberChanges

        return NumberChanges(self.adapters.teams, self.adapters.replaced)

    @cached_property
    def result_details(self) -> ResultDetails:
        """Looks up who the users of a run are, and their numbers before and after."""
        from shared.services.admin.result_details import ResultDetails

        return ResultDetails(self.number_changes, self.adapters.roster)

    @cached_property
    def run_history(self) -> RunHistory:
        """Reads runs."""
        from shared.services.admin.run_history import RunHistory

        return RunHistory(self.adapters.runs, self.adapters.clock)

    @cached_property
    def run_waits(self) -> RunWaits:
        """Counts the users of a run who are not settled."""
        from shared.services.admin.run_waits import RunWaits

        return RunWaits(self.adapters.waiting)

    @cached_property
    def effects(self) -> EffectsReader:
        """Reads the side effects of dry runs."""
        from shared.services.admin.effects import EffectsReader

        to = self.adapters
        return EffectsReader(to.runs, to.move_requests, to.teams)

    @cached_property
    def doctor(self) -> Doctor:
        """The doctor: checks the app and the services that it depends on."""
        from shared.clients import wire
        from shared.services.admin.doctor import Doctor

        to = self.adapters
        cloud = wire.CLOUDS[self.settings.cloud]
        assign = "assign the app's managed identity to it"
        role = "run `acp grant`: an Entra role such as Teams Administrator is missing"
        users = "run `acp grant`: the permission User.Read.All is missing"
        configurations = "run `acp grant`: TeamsUserConfiguration.Read.All is missing"
        documented = self.settings.teams_api is TeamsApi.DOCUMENTED
        teams: dict[str, tuple[Callable[[], Awaitable[object]], str]] = {
            "sign-in to Teams": (partial(self._sign_in, wire.TEAMS_AUDIENCE), assign),
            "Teams": (to.teams.probe, role),
            "Teams role": (to.teams.switches, role),
        }
        if documented:
            teams = {"Teams users in Graph": (to.teams.probe, configurations)}
        return Doctor(
            probes={
                "storage": (to.state.probe, "give the app's identity the storage roles"),
                "sign-in to Graph": (partial(self._sign_in, cloud.graph_audience), assign),
                "Graph": (to.graph.probe, users),
                **teams,
                "what Teams tells and takes": (
                    self._capabilities,
                    "check the log for errors of keep_subscription",
                ),
            },
            queues={name: to.queue(name).count for name in self.settings.queues.names},
            numbers=to.rules.numbers,
            groups=to.rules.groups,
            excluded_faults=self.rule_checker.excluded_faults,
            directory=to.graph,
            subscriptions=to.graph.subscriptions,
            count_users=to.graph.count_users,
            unknown=unknown_settings(os.environ),
            tenant=None if documented else to.teams,
            runs=self.run_history,
            state=to.state,
            waiting=to.waiting,
            held=to.held,
            included_groups=to.rules.included_groups,
            unreadable=to.tables.unreadable.counts,
            clock=to.clock,
        )

    async def _capabilities(self) -> str:
        from shared.domain.capabilities import described
        from shared.errors import SettingsError

        known = await self.capabilities.known()
        if known and known.set_verb not in ("", "accepted"):
            raise SettingsError(f"the service refuses the verb of a set: {known.set_verb}")
        return ", ".join(f"{name}: {value}" for name, value in described(known).items())

    @cached_property
    def releases(self) -> Releases:
        """Releases and discards held users."""
        from shared.services.admin.releases import Releases

        to = self.adapters
        return Releases(
            held=to.held,
            waiting=to.waiting,
            runs=to.runs,
            history=to.history,
            pages=to.sweep_pages,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("releases"),
            approvers=self.settings.approvers,
        )

    @cached_property
    def canceller(self) -> Canceller:
        """Cancels runs."""
        from shared.services.admin.cancelling import Canceller

        to = self.adapters
        return Canceller(
            requests=self.move_requests,
            held=to.held,
            waiting=to.waiting,
            runs=to.runs,
            pages=to.sweep_pages,
            state=to.state,
            queue=to.queue(self.settings.queues.moves.name),
            mode=self.settings.mode,
            clock=to.clock,
            log=to.log("releases"),
        )

    @cached_property
    def picture(self) -> RosterPicture:
        """Reads how many users are on each list, for a page of one."""
        from shared.services.admin.picture import RosterPicture

        return RosterPicture(self.adapters.roster, self.adapters.runs, self.adapters.clock)

    @cached_property
    def pauses(self) -> Pauses:
        """Pauses all changes."""
        from shared.services.admin.pauses import Pauses

        return Pauses(self.adapters.state, self.adapters.clock, self.adapters.log("pauses"))

    @cached_property
    def status(self) -> StatusReader:
        """Reads the status."""
        from shared.domain.schedule import Schedule
        from shared.services.admin.status import StatusReader

        to = self.adapters
        return StatusReader(
            state=to.state,
            held=to.held,
            waiting=to.waiting,
            capabilities=self.capabilities,
            roster=to.roster,
            history=self.run_history,
            sweeps=Schedule.parse(self.settings.sweep_schedule),
            mode=self.settings.mode,
            pilot=bool(self.settings.included_groups),
            clock=to.clock,
        )

    async def _sign_in(self, audience: str) -> str:
        from shared.services.admin.token_claims import describe_token

        return describe_token(await self.adapters.identity.token(audience))
