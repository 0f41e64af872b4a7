"""The rules of the settings against the tenant, at start and every hour."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.clients.graph_groups import unknown_group
from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Rules
from shared.domain.number_rules import NumberRules
from shared.errors import AccessDeniedError, AmbiguousNameError, SettingsError
from shared.services.upkeep.rule_check import RuleChecker
from shared.telemetry.log import EventLog
from tests.fakes import FakeDirectory, FakeState, guid, licensed
from tests.loglines import Lines

TOLL = "+14255550100"


@dataclass
class Tenant(FakeDirectory):
    """Bridges with one number, and groups but for the 95th and 99th; counts what it is asked."""

    asked: int = 0
    others: int = 0
    """How many further toll numbers there are."""

    async def bridge_numbers(self) -> list[BridgeNumber]:
        self.asked += 1
        others = [BridgeNumber(f"+1425555{number}", "bridge") for number in range(1000, 1030)]
        toll_free = BridgeNumber("+18005550100", "bridge", True)
        return [BridgeNumber(TOLL, "bridge"), *others[: self.others], toll_free]

    async def members(self, group: str, *_: Any) -> AsyncIterator[list[str]]:
        self.asked += 1
        if group in (guid(95), guid(99)):
            raise unknown_group(group)
        if group == guid(97):
            raise AccessDeniedError("Graph", "GET /v1.0/groups/{id}", "HTTP 403")
        if group != guid(96):
            yield [guid(1)]


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
    (fault, *_) = await check(rules, Tenant(others=30))
    assert fault.count("+1425555") == 20, "more are not listed"
    assert await check(rules) == [
        f"ACP_NUMBER_RULES: {guid(98)}=+18005550100 is no toll number of a bridge; there are {TOLL}",
        f"ACP_NUMBER_RULES: GB=+442079460000 is no toll number of a bridge; there are {TOLL}",
        f"ACP_EXCLUDED_GROUPS: the directory knows no group {guid(99)}, which the settings name",
    ]
    rules = Rules(numbers=NumberRules.parse({guid(99): TOLL, guid(97): TOLL, guid(96): TOLL}))
    state = FakeState()
    denied, unknown = await checker(rules, state=state).check()
    assert unknown.startswith("ACP_NUMBER_RULES: the directory knows no group")
    assert denied.startswith(f"ACP_NUMBER_RULES: group {guid(97)} cannot be read")
    with pytest.raises(SettingsError) as error:
        await checker(rules, state=state).raise_known_faults()
    assert str(error.value) == f"{denied}; {unknown}"


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
    groups = frozenset(guid(number) for number in range(95, 100))
    lines, state = Lines(caplog), FakeState()
    faults = await checker(Rules(included_groups=groups), state=state).check()
    unknown = "ACP_INCLUDED_GROUPS: the directory knows no group {}, which the settings name"
    assert faults == [
        unknown.format(guid(95)),
        f"ACP_INCLUDED_GROUPS: group {guid(97)} cannot be read: "
        "Graph: GET /v1.0/groups/{id}: HTTP 403",
        unknown.format(guid(99)),
    ]
    assert state.faults == faults
    empty = f"ACP_INCLUDED_GROUPS: group {guid(96)} has no members: it includes nobody"
    assert [line["reason"] for line in lines.of("rule_broken")] == [empty, *faults]
