"""Scenes of a slow service: nothing that a message waits for outlives the hour of its host."""

from shared.domain.move_request import MoveRequest
from tests.simulation.actors import ask
from tests.simulation.scene import Scene, act, minutes


def test_a_page_of_a_request_ends_within_the_hour_of_its_host() -> None:
    """300 named users, Teams takes a call in four seconds: some pages come again, and everybody is moved."""

    async def story(scene: Scene) -> None:
        names = tuple(user.id for user in scene.users(300, entries=()))
        scene.world.throttles["Teams"].rate = 0.25
        scene.begin(1)
        await minutes(1)
        await ask(scene.host, scene.rules, "key", MoveRequest(users=names), list(names))
        await minutes(100)

    scene = act(story)
    assert scene.world.defects == []
    assert scene.not_moved() == []
    (run,) = scene.rows("runs")
    assert (run["state"], run["count_moved"]) == ("finished", 300)
