"""The world of tests about the guard: many users of a third party, and who decides about the held."""

import asyncio
from dataclasses import dataclass, field, replace

from shared.domain.guard import held_run_id
from shared.domain.held import HeldSelection
from shared.domain.messages import MoveMessage, move_messages
from shared.domain.options import MoveOptions
from shared.domain.outcome import UserResult
from shared.domain.pause import RequestedBy
from shared.domain.run import Mode, Signal
from shared.services.admin.releases import Releases
from shared.services.upkeep.run_outcomes import RunOutcomes
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeSweepPages, guid, in_service, licensed, third_party
from tests.unit.shared.services.moving.world import LIMIT, MovingWorld

_ALL = HeldSelection()
ADELE = RequestedBy("adele@contoso.example", guid(900))


@dataclass
class Guarded(MovingWorld):
    """A world of third-party users, several instances, and a person who decides about the held."""

    pages: FakeSweepPages = field(default_factory=FakeSweepPages)

    def fill(self, count: int, provider: str | None = "InterCall") -> list[str]:
        """Add licensed users of a third party, or of none; return their ids."""
        ids, entries = range(1, count + 1), [third_party(provider)] if provider else []
        self.directory.add(*(licensed(number) for number in ids))
        self.teams.add(*(in_service(number, *entries) for number in ids))
        return [guid(number) for number in ids]

    async def hold(self, users: list[str], signal: Signal = Signal.CATCH_UP) -> str:
        """Let a signal find users while nobody may be changed; return the run that holds them."""
        self.limit = replace(LIMIT, moves=0)
        await self.take(users, signal)
        return held_run_id(signal, NOON, LIMIT.window)

    async def take(
        self,
        users: list[str],
        signal: Signal,
        run: str | None = None,
        *,
        instances: int = 10,
        options: MoveOptions | None = None,
    ) -> list[UserResult]:
        """Let instances handle the users' messages, all at once; return the results."""
        movers = [self.mover() for _ in range(instances)]
        messages = list(move_messages(signal, users, mode=Mode.MOVE, run=run))
        work = [
            movers[number % instances].move(message, options)
            if options
            else movers[number % instances].handle(message)
            for number, message in enumerate(messages)
        ]
        return [result for results in await asyncio.gather(*work) for result in results]

    def releases(self, approvers: frozenset[str] = frozenset()) -> Releases:
        return Releases(
            approvers=approvers,
            held=self.held,
            waiting=self.waiting,
            runs=self.runs,
            history=self.history,
            pages=self.pages,
            state=self.state,
            queue=self.queue,
            mode=Mode.MOVE,
            clock=self.clock,
            log=EventLog("acp.releases"),
        )

    async def release(self, run: str, chosen: HeldSelection = _ALL) -> int:
        """Let Adele release users of a run, and the app move them; return how many there are."""
        _, count = await self.releases().release_run(run, ADELE, chosen)
        await self.resume()
        return count

    async def resume(self) -> int:
        """Let the app queue who was released, and one instance move them; return how many they were."""
        count = await self.releases().resume()
        mover = self.mover()
        while self.queue.messages:
            message = self.queue.messages.pop(0)
            assert isinstance(message, MoveMessage)
            await mover.handle(message)
        return count

    @property
    def changed(self) -> int:
        """How many users were set to Microsoft."""
        return len(self.teams.sets)

    def held_ids(self, run: str) -> set[str]:
        return {row.user_id for row in self.held.rows.values() if row.run == run}

    async def tell(self) -> None:
        """Let the timer tell the runs what became of their users."""
        await RunOutcomes(
            self.runs, self.users, self.waiting, self.state, self.clock, held=self.held
        ).update()
