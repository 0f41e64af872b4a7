import pytest

from local.host.keys import Keys, Level

ALL = Keys(function="f", system="s", master="m")


@pytest.mark.parametrize(
    ("level", "opening"),
    [
        (Level.ANONYMOUS, {None, "f", "s", "m", "x", ""}),
        (Level.FUNCTION, {"f", "m"}),
        (Level.SYSTEM, {"s", "m"}),
        (Level.ADMIN, {"m"}),
    ],
)
def test_which_key_opens_what(level: Level, opening: set[str | None]) -> None:
    """Each level takes its own key or the master key, and nothing else."""
    offered = {None, "f", "s", "m", "x", ""}
    assert {key for key in offered if ALL.allow(level, key)} == opening


def test_without_keys_everything_is_open() -> None:
    """Authorization is not enforced locally unless keys are given."""
    assert all(Keys().allow(level, None) for level in Level)


def test_one_key_closes_the_rest() -> None:
    """As soon as there is one key, a level whose key is missing stays shut."""
    assert not Keys(function="f").allow(Level.ADMIN, None)
    assert not Keys(master="m").allow(Level.FUNCTION, "")
