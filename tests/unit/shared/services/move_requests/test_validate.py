"""Whether a request can be carried out in this tenant: said before anything begins."""

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Rules
from shared.domain.listing import Provider
from shared.domain.move_request import MoveRequest
from shared.domain.number_rules import NumberRules
from shared.domain.options import MoveOptions
from shared.errors import ConflictError, InputError, UnreachableError
from shared.services.move_requests.validate import validate
from tests.fakes import FakeTeams, guid

TOLL, TOLL_FREE, ELSEWHERE = "+14255550100", "+18005550100", "+4969120012345"
LOST = "+14255550199"
BRIDGES = [
    BridgeNumber(TOLL, "one"),
    BridgeNumber(TOLL_FREE, "one", toll_free=True),
    BridgeNumber(ELSEWHERE, "two"),
]


def tenant() -> FakeTeams:
    """A tenant with two providers and two bridges."""
    return FakeTeams(tenant_providers=[Provider("InterCall"), Provider("PGi")], bridges=BRIDGES)


def ruled(rules: dict[str, str]) -> Rules:
    """Rules with these number rules."""
    return Rules(numbers=NumberRules.parse(rules))


@pytest.mark.parametrize("given", ["intercall", "InterCall", " INTERCALL "])
async def test_provider_is_spelled_as_the_tenant_does(given: str) -> None:
    """In any case and with blanks around it; all else of the request stays as it is."""
    asked = MoveRequest(provider=given, options=MoveOptions(True, TOLL), dry_run=True)
    found = await validate(asked, tenant(), Rules())
    assert found == MoveRequest(provider="InterCall", options=MoveOptions(True, TOLL), dry_run=True)


@pytest.mark.parametrize("given", ["BT", "", " ", "Inter Call", "Microsoft"])
async def test_unknown_provider_lists_those_there_are(given: str) -> None:
    """A name that the tenant does not know is refused, and never means everybody."""
    with pytest.raises(InputError, match=r"the tenant knows InterCall, PGi$") as caught:
        await validate(MoveRequest(provider=given), tenant(), Rules())
    assert repr(given) in str(caught.value)


async def test_tenant_without_providers_says_so() -> None:
    """Where there is no provider to list, the refusal says that."""
    with pytest.raises(InputError, match=r"the tenant knows no provider$"):
        await validate(MoveRequest(provider="BT"), FakeTeams(), Rules())


async def test_empty_list_of_users_is_refused() -> None:
    """Nobody named is an error, not everybody; the tenant is not asked."""
    teams = tenant()
    with pytest.raises(InputError, match="no user was named"):
        await validate(MoveRequest(()), teams, ruled({"*": TOLL}))
    assert teams.tenant_reads == 0


@pytest.mark.parametrize(
    "request_",
    [MoveRequest(), MoveRequest((guid(1),)), MoveRequest((guid(1),), dry_run=True)],
    ids=["all", "users", "dry run"],
)
async def test_nothing_to_check_costs_no_call(request_: MoveRequest) -> None:
    """Without numbers and without a provider the tenant is not asked."""
    teams = tenant()
    assert await validate(request_, teams, Rules()) == request_
    assert teams.tenant_reads == 0


async def test_what_the_service_cannot_do_is_refused_first() -> None:
    """Before the tenant's providers or numbers are read, and with the service's own reason."""
    teams = tenant()
    teams.refused_request = ConflictError("send_email: no documented call mails users")
    with pytest.raises(ConflictError, match=r"^send_email: no documented call mails users$"):
        await validate(MoveRequest(provider="BT"), teams, ruled({"*": TOLL}))
    assert teams.tenant_reads == 0


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (MoveOptions(), {"*": TOLL, "DE": ELSEWHERE, guid(91): TOLL}),
        (MoveOptions(False, TOLL, TOLL_FREE), {}),
        (MoveOptions(False, TOLL, TOLL_FREE), {"DE": ELSEWHERE}),
        (MoveOptions(toll_free_number=TOLL_FREE), {"*": TOLL}),
    ],
)
async def test_numbers_of_the_bridges_are_taken(
    options: MoveOptions, rules: dict[str, str]
) -> None:
    """Numbers that are requested, and those of the rules, where each is on a bridge."""
    asked = MoveRequest((guid(1),), options=options)
    assert await validate(asked, tenant(), ruled(rules)) == asked


@pytest.mark.parametrize(
    ("options", "rules", "said"),
    [
        (MoveOptions(service_number=LOST), {}, rf"{LOST} is on no bridge; there are "),
        (MoveOptions(toll_free_number=TOLL), {}, r"on no bridge; there are \+18005550100$"),
        (MoveOptions(False, ELSEWHERE, TOLL_FREE), {}, "on another bridge than"),
        (MoveOptions(toll_free_number=TOLL_FREE), {"DE": ELSEWHERE}, "on another bridge than"),
        (MoveOptions(), {"*": TOLL, "GB": LOST}, rf"ACP_NUMBER_RULES: GB={LOST}: no toll number"),
        (MoveOptions(), {guid(91): LOST, "GB": TOLL_FREE}, rf"{guid(91)}=.*, GB=.*there are "),
        (MoveOptions(service_number=TOLL), {"GB": LOST}, rf"ACP_NUMBER_RULES: GB={LOST}"),
    ],
)
async def test_numbers_on_no_bridge_are_refused(
    options: MoveOptions, rules: dict[str, str], said: str
) -> None:
    """A number that is requested, or one of a rule, is reported with those there are."""
    with pytest.raises(InputError, match=said.replace("+14255550199", r"\+14255550199")):
        await validate(MoveRequest((guid(1),), options=options), tenant(), ruled(rules))


async def test_tenant_that_does_not_answer_is_raised() -> None:
    """An error of Teams is not taken for an unknown provider or number."""
    teams = tenant()
    teams.tenant_error = UnreachableError("Teams", "GET", "ReadTimeout")
    with pytest.raises(UnreachableError):
        await validate(MoveRequest(provider="PGi"), teams, Rules())
    with pytest.raises(UnreachableError):
        await validate(MoveRequest(), teams, ruled({"*": TOLL}))
