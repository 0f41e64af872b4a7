"""A runner with fakes around it, on a mover with the same fakes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.outcome import UserResult
from shared.domain.run import Mode, Run
from shared.services.move_requests.carry_out import MoveRunner
from tests.fakes import guid, in_service, licensed, third_party
from tests.unit.shared.services.moving.world import MovingWorld


@dataclass
class RequestingWorld(MovingWorld):
    """What runners work with; each call of `runner` is another process."""

    told: list[UserResult] = field(default_factory=list)

    def runner(self) -> MoveRunner:
        return MoveRunner(
            directory=self.directory,
            mover=self.mover(),
            requests=self.requests,
            runs=self.runs,
            mode=Mode.REPORT if self.report else Mode.MOVE,
            clock=self.clock,
        )

    def fill(self, count: int) -> list[str]:
        """Add users 1 to `count`, licensed and on a third party; return their addresses."""
        numbers = range(1, count + 1)
        self.directory.add(*(licensed(number) for number in numbers))
        self.teams.add(*(in_service(number, third_party()) for number in numbers))
        return [licensed(number).upn for number in numbers]

    async def carry_out(self, *names: str) -> Run:
        """A run over these names from its beginning to its end."""
        runner = self.runner()
        run = await runner.begin(names)
        return await runner.carry_out(run.id, self.told.extend)

    async def stopped(self, names: Sequence[str], after: int) -> Run:
        """A run over these names that is stopped when `after` users have a result."""
        runner = self.runner()

        def tell(results: Sequence[UserResult]) -> None:
            self.told.extend(results)
            if len(self.told) >= after:
                runner.stop()

        run = await runner.begin(names)
        return await runner.carry_out(run.id, tell)

    def outcomes(self, run: Run) -> dict[str, str]:
        """What the run says of each user."""
        return {result.user_id: str(result.outcome) for result in self.runs.recorded[run.id]}

    @property
    def sets(self) -> Counter[str]:
        """How often each user was set."""
        return Counter(user for user, _, _ in self.teams.sets)

    def set_once(self, count: int) -> bool:
        """Whether users 1 to `count` were each set once, and nobody else."""
        return self.sets == Counter(guid(number) for number in range(1, count + 1))
