"""Scenes of a slow service: nothing outlives the hour of its host, and nobody's mail is lost."""

from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
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
        await minutes(110)

    scene = act(story)
    assert scene.world.defects == []
    assert scene.not_moved() == []
    (run,) = scene.rows("runs")
    assert (run["state"], run["count_moved"]) == ("finished", 300)


def test_everybody_is_mailed_whose_set_was_throttled_at_first() -> None:
    """A call that the service refused for being one too many mailed nobody."""

    async def story(scene: Scene) -> None:
        names = tuple(user.id for user in scene.users(60))
        scene.world.throttles["Teams"].rate = 2
        scene.begin()
        await minutes(1)
        request = MoveRequest(users=names, options=MoveOptions(send_email=True))
        await ask(scene.host, scene.rules, "key", request, list(names))
        await minutes(60)

    for seed in range(3):
        scene = act(story, seed)
        assert sorted(
            change.person.id for change, _ in scene.rules.sets if change.mailed
        ) == sorted(user.id for user in scene.people)
