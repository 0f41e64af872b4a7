"""The rules of the settings against the tenant, at start and every hour."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from shared.clients.graph_groups import unknown_group
from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Rules
from shared.domain.number_rules import NumberRules
from shared.errors import AccessDeniedError, AmbiguousNameError, SettingsError
from shared.services.upkeep.rule_check import RuleChecker
from shared.telemetry.log import EventLog
from tests.fakes import FakeDirectory, FakeState, guid, licensed

TOLL = "+14255550100"


@dataclass
class Tenant(FakeDirectory):
    """Bridges with one number, and groups but for the 99th; counts what it is asked."""

    asked: int = 0

    async def bridge_numbers(self) -> list[BridgeNumber]:
        self.asked += 1
        return [BridgeNumber(TOLL, "bridge"), BridgeNumber("+18005550100", "bridge", True)]

    async def members(self, group: str) -> AsyncIterator[list[str]]:
        self.asked += 1
        if group == guid(99):
            raise unknown_group(group)
        if group == guid(97):
            raise AccessDeniedError("Graph", "GET /v1.0/groups/{id}", "HTTP 403")
        yield [] if group == guid(96) else [guid(1)]


def checker(
    rules: Rules, tenant: Tenant | None = None, state: FakeState | None = None
) -> RuleChecker:
    """A checker of these rules."""
    tenant = tenant or Tenant()
    return RuleChecker(tenant, tenant, state or FakeState(), rules, EventLog("acp.rules"))


async def check(rules: Rules, tenant: Tenant | None = None) -> list[str]:
    """What is wrong with these rules."""
    return await checker(rules, tenant).check()


async def test_rules_that_fit_are_fine_and_none_cost_nothing() -> None:
    """A toll number of a bridge and a group that exists; without rules the tenant is not asked."""
    assert (
        await check(Rules(numbers=NumberRules(default=TOLL), excluded_groups=frozenset({guid(98)})))
        == []
    )
    tenant = Tenant()
    assert await check(Rules(), tenant) == []
    assert (tenant.asked, tenant.batches) == (0, 0)


async def test_what_does_not_fit_is_told_with_what_there_is() -> None:
    """A number on no bridge, a toll-free one, and an unknown group, each with what to do."""
    rules = Rules(
        numbers=NumberRules.parse({guid(98): "+18005550100", "GB": "+442079460000"}),
        excluded_groups=frozenset({guid(99)}),
    )
    assert await check(rules) == [
        f"ACP_NUMBER_RULES: {guid(98)}=+18005550100 is no toll number of a bridge; there are {TOLL}",
        f"ACP_NUMBER_RULES: GB=+442079460000 is no toll number of a bridge; there are {TOLL}",
        f"ACP_EXCLUDED_GROUPS: the directory knows no group {guid(99)}, which the settings name",
    ]


async def test_an_exclusion_that_names_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Each entry that the directory does not know, in the answer, in the log and in health."""
    tenant, state = Tenant(), FakeState()
    tenant.add(licensed(1), licensed(2))
    known, gone = licensed(1).upn, "gone@contoso.example"
    rules = Rules(excluded=frozenset({known, guid(2), gone, guid(3), "renamed@contoso.example"}))
    await state.save_excluded_ids({"renamed@contoso.example": guid(4)}, {})
    checking = checker(rules, tenant, state)
    await checking.raise_known_faults()
    assert await checking.check() == [
        f"ACP_EXCLUDED_USERS: {name!r} names nobody, so it protects nobody"
        for name in (guid(3), gone)
    ]
    assert await checking.excluded_faults() == [
        f"{name!r} names nobody, so it protects nobody" for name in (guid(3), gone)
    ]
    assert caplog.text.count("rule_broken") == 2
    with pytest.raises(SettingsError, match=r"'gone@contoso\.example' names nobody"):
        await checking.raise_known_faults()
    tenant.add(replace(licensed(3), upn=gone))
    assert await checking.check() == []
    await checking.raise_known_faults()


async def test_an_excluded_address_of_several_users_is_told() -> None:
    """K6: the check names them, and says that nobody is moved until it is corrected."""
    tenant, name = Tenant(), "shared@contoso.example"
    error = AmbiguousNameError("GET /v1.0/users", ["a@contoso.example", "b@contoso.example"])
    tenant.errors[name] = error
    assert await checker(Rules(excluded=frozenset({name})), tenant, FakeState()).check() == [
        f"ACP_EXCLUDED_USERS: {name!r}: a@contoso.example and b@contoso.example have this address: "
        "give the user name or id; until then nobody is moved"
    ]


async def test_a_pilot_that_includes_nobody_or_cannot_be_read_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An unknown group and one that is refused are faults; an empty one is logged, for it may be filled."""
    groups = frozenset(guid(number) for number in (96, 97, 98, 99))
    state = FakeState()
    faults = await checker(Rules(included_groups=groups), state=state).check()
    assert faults == [
        f"ACP_INCLUDED_GROUPS: group {guid(97)} cannot be read: "
        "Graph: GET /v1.0/groups/{id}: HTTP 403",
        f"ACP_INCLUDED_GROUPS: the directory knows no group {guid(99)}, which the settings name",
    ]
    assert state.faults == faults
    assert f"group {guid(96)} has no members: it includes nobody" in caplog.text
