"""Rules 1 and 10 with slow answers: of a user with a leftover of Microsoft, both reads are fresh."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.domain.outcome import Outcome
from shared.domain.user import ProviderEntry, ServiceUser
from tests.fakes import FakeTeams, guid, in_service, licensed, microsoft, third_party
from tests.unit.shared.services.moving.world import MovingWorld as World
from tests.unit.shared.services.moving.world import SlowTeams

LEFTOVER = (third_party(), microsoft(default=False))
OTHER_ID = (replace(third_party(), passcode="1234567"), *LEFTOVER[1:])


@dataclass
class Again(SlowTeams):
    """Teams whose first answer about a conferencing user takes 3 s: both reads are made again.

    later: the user as the second reads find it. A read without a deadline waits `queued` seconds.
    """

    later: ServiceUser | None = None
    seconds_again: tuple[float, float] = (0, 0)

    async def user(self, user_id: str, **options: Any) -> Any:
        credit = options.get("within") is not None
        await self._pass(self.seconds_again[0] if credit else self.queued)
        return await FakeTeams.user(self, user_id, **options)

    async def conferencing_user(self, user_id: str, **options: Any) -> Any:
        again = self.conferencing_reads % 2 == 1
        try:
            return await FakeTeams.conferencing_user(self, user_id, **options)
        finally:
            await self._pass(self.seconds_again[1] if again else 3)
            self.known = {user_id: self.later} if self.later else {}


def again(later: ServiceUser | None, **options: Any) -> World:
    """A world with one ready user who has a leftover, and with that Teams."""
    world = World()
    world.directory.add(licensed())
    known = {guid(1): in_service(1, *LEFTOVER)}
    world.teams = Again(known, clock=world.clock, later=later, **options)
    return world


@pytest.mark.parametrize(
    ("later", "outcome"),
    [
        (LEFTOVER, Outcome.MOVED),
        (OTHER_ID, Outcome.MOVED),
        ((third_party("BT"), *LEFTOVER), Outcome.MOVED),
        ((microsoft(),), Outcome.ALREADY_MICROSOFT),
        (None, Outcome.WAITING),
    ],
)
async def test_what_the_second_reads_saw_is_saved(
    later: tuple[ProviderEntry, ...] | None, outcome: Outcome
) -> None:
    """Another conference ID meanwhile, another provider, nothing left to do, or unknown to Teams."""
    world = again(in_service(1, *later) if later else None, queued=1)
    assert await world.outcome() is outcome
    saved = [user.entries for user in world.replaced.saved]
    assert (saved, len(world.teams.sets)) == (([later], 1) if outcome is Outcome.MOVED else ([], 0))


@pytest.mark.parametrize("seconds", [(5.0, 0.0), (0.0, 5.0)])
async def test_the_older_of_two_answers_counts(seconds: tuple[float, float]) -> None:
    """Rule 1: where one of them takes five seconds, nothing is set by the other."""
    world = again(in_service(1, *LEFTOVER), seconds_again=seconds)
    assert await world.outcome() is Outcome.FAILED
    assert world.teams.sets == []


async def test_both_second_reads_are_made_on_credit() -> None:
    """A service that takes a call in ten seconds keeps neither of them waiting for the other."""
    world = again(in_service(1, *LEFTOVER), queued=10)
    assert await world.outcome() is Outcome.MOVED
