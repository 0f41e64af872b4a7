"""Numbers of single users, from a file: checked before anything begins, kept however a user is moved."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Rules
from shared.domain.guard import GuardLimit
from shared.domain.messages import MoveMessage
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions, OwnNumbers
from shared.domain.outcome import Outcome
from shared.domain.run import Mode, Signal
from shared.errors import AccessDeniedError, ConflictError, InputError
from shared.services.move_requests.options import options_of
from shared.services.move_requests.retrying import retry_request
from shared.services.move_requests.validate import validate
from shared.services.moving.preview import Previewer
from tests.fakes import FakeRules, FakeTeams, guid, licensed, microsoft
from tests.unit.shared.services.move_requests.test_queued import World

FIRST, SECOND, FREE, OTHER_FREE = "+15550101", "+15550102", "+18000101", "+18000999"
KNOWN = [
    BridgeNumber(FIRST, "one"),
    BridgeNumber(SECOND, "one"),
    BridgeNumber(FREE, "one", toll_free=True),
    BridgeNumber(OTHER_FREE, "two", toll_free=True),
]
ADDRESSES = [licensed(number).upn for number in (1, 2, 3)]
OWN = {
    ADDRESSES[0]: OwnNumbers(FIRST, None, 2),
    ADDRESSES[1]: OwnNumbers(SECOND, FREE, 3),
}
OPTIONS = MoveOptions(own_numbers=OWN)


@pytest.fixture
def world() -> World:
    """Three users on a third party, in a tenant with these numbers."""
    made = World(teams=FakeTeams(bridges=KNOWN))
    made.fill(3)
    return made


def numbers(world: World) -> dict[str, tuple[str, str]]:
    """The numbers that each user got."""
    entries = {user: world.teams.known[user].entries[0] for user, *_ in world.teams.sets}
    return {user: (each.toll_number, each.toll_free_number) for user, each in entries.items()}


GIVEN = {
    guid(1): (FIRST, ""),
    guid(2): (SECOND, FREE),
    guid(3): (microsoft().toll_number, ""),
}


async def test_each_user_gets_the_numbers_of_the_file(world: World) -> None:
    """Here, in pages that another process carries out; a user without any gets what all get."""
    run = await world.runner().begin(ADDRESSES, OPTIONS)
    await world.runner().carry_out(run.id)
    assert numbers(world) == GIVEN


@pytest.mark.parametrize("name", ["address", "id"])
async def test_the_app_gives_them_too(world: World, name: str) -> None:
    """A request to the app, by any name: what is queued is a page, and the page has the numbers."""
    names = ADDRESSES if name == "address" else [guid(1), guid(2), guid(3)]
    own = dict(zip(names, OWN.values(), strict=False))
    request = MoveRequest(tuple(names), options=MoveOptions(own_numbers=own))
    await world.queued().accept(request, None)
    await world.work()
    assert numbers(world) == GIVEN


async def test_who_is_held_gets_them_after_the_release(world: World) -> None:
    """The message of a released user has an id and a run: the numbers are stored under both."""
    world.limit = GuardLimit(0, None, timedelta(hours=1))
    run = await world.runner().begin(ADDRESSES, OPTIONS)
    await world.runner().carry_out(run.id)
    assert world.teams.sets == []
    world.held.rows = {user: replace(row, released=True) for user, row in world.held.rows.items()}
    users = tuple(world.held.rows)
    await world.mover().handle(MoveMessage(Signal.REQUEST, users, run.id, mode=Mode.MOVE))
    assert numbers(world) == GIVEN


async def test_who_is_tried_again_gets_them(world: World) -> None:
    """By id, or by the name of a user whom Graph could not read then."""
    run = await world.runner().begin(ADDRESSES, OPTIONS)
    await world.runner().carry_out(run.id)
    by_name = await options_of(world.requests, run.id, [ADDRESSES[0], guid(2), guid(3)])
    stripped = {name: replace(own, line=0) for name, own in by_name.own_numbers.items()}
    assert stripped == {
        ADDRESSES[0]: OwnNumbers(FIRST),
        guid(2): OwnNumbers(SECOND, FREE),
    }
    assert await options_of(world.requests, "another", ADDRESSES) == MoveOptions()


async def test_a_run_is_tried_again_with_its_options(world: World) -> None:
    """Those who failed, with their numbers and the mail; what was expected then is over."""
    world.teams.errors[guid(1)] = AccessDeniedError("Teams", "GET user", "HTTP 403")
    run = await world.runner().begin(ADDRESSES, replace(OPTIONS, send_email=True, expected=3))
    run = await world.runner().carry_out(run.id)
    assert await retry_request(world.runs, world.requests, run, expected=1) == MoveRequest(
        (guid(1),),
        options=MoveOptions(True, expected=1, own_numbers={guid(1): OwnNumbers(FIRST, None, 2)}),
    )
    del world.teams.errors[guid(1)]
    well = await world.runner().begin(ADDRESSES)
    well = await world.runner().carry_out(well.id)
    with pytest.raises(ConflictError, match="has no failed user"):
        await retry_request(world.runs, world.requests, well)


async def test_a_dry_run_shows_them(world: World) -> None:
    """As part of the reason, for those who would get them; nothing is stored or set."""
    previewer = Previewer(world.directory, world.teams, FakeRules(world.rules))
    results = [result async for result in previewer.preview(ADDRESSES, OPTIONS)]
    assert [(result.outcome, result.reason) for result in results] == [
        (Outcome.WOULD_MOVE, f"the provider is InterCall; toll number {FIRST}"),
        (
            Outcome.WOULD_MOVE,
            f"the provider is InterCall; toll number {SECOND}, toll-free number {FREE}",
        ),
        (Outcome.WOULD_MOVE, "the provider is InterCall"),
    ]
    assert world.requests.own == {}


async def test_every_line_is_checked_before_anything_begins() -> None:
    """Each fault with line, user, column and value; a number that is toll-free is no toll number."""
    own = {
        "a@x": OwnNumbers("+15559999", None, 2),
        "b@x": OwnNumbers(FREE, "+18009999", 3),
        "c@x": OwnNumbers(FIRST, OTHER_FREE, 4),
        "d@x": OwnNumbers(SECOND, FREE, 5),
    }
    request = MoveRequest(tuple(own), options=MoveOptions(own_numbers=own))
    with pytest.raises(InputError) as refused:
        await validate(request, FakeTeams(bridges=KNOWN), Rules())
    assert str(refused.value) == (
        "line 2, a@x: TollNumber +15559999 is on no bridge; "
        f"line 3, b@x: TollNumber {FREE} is on no bridge; "
        "line 3, b@x: TollFreeNumber +18009999 is on no bridge; "
        f"line 4, c@x: toll-free number {OTHER_FREE} is on another bridge than {FIRST}. "
        f"There are toll numbers {FIRST}, {SECOND}; toll-free {FREE}, {OTHER_FREE}"
    )
    del own["a@x"], own["b@x"], own["c@x"]
    assert await validate(request, FakeTeams(bridges=KNOWN), Rules()) == request


async def test_a_long_list_of_faults_is_cut() -> None:
    """Ten are named, and how many others there are."""
    own = {f"{number}@x": OwnNumbers("+15559999", None, number) for number in range(1, 15)}
    request = MoveRequest(tuple(own), options=MoveOptions(own_numbers=own))
    with pytest.raises(InputError, match=r"line 10, .*; and 4 more\. There are toll numbers"):
        await validate(request, FakeTeams(bridges=KNOWN), Rules())


def test_a_key_stands_for_the_numbers_too() -> None:
    """The same users with other numbers are another request; without any, it is what it always was."""
    plain = MoveRequest(("a@x",))
    assert "own_numbers" not in plain.fingerprint
    texts = {
        replace(plain, options=MoveOptions(own_numbers={"a@x": own})).fingerprint
        for own in (OwnNumbers(FIRST), OwnNumbers(SECOND), OwnNumbers(None, FREE))
    }
    assert len(texts | {plain.fingerprint}) == 4
