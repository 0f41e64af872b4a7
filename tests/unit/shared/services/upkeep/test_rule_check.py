"""The rules of the settings against the tenant, at start and every hour."""

from collections.abc import AsyncIterator

from shared.clients.graph_groups import unknown_group
from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Rules
from shared.domain.number_rules import NumberRules
from shared.services.upkeep.rule_check import RuleChecker
from shared.telemetry.log import EventLog
from tests.fakes import guid

TOLL = "+14255550100"


class Tenant:
    """Bridges with one number, and groups but for the 99th; counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def bridge_numbers(self) -> list[BridgeNumber]:
        self.asked += 1
        return [BridgeNumber(TOLL, "bridge"), BridgeNumber("+18005550100", "bridge", True)]

    async def members(self, group: str) -> AsyncIterator[list[str]]:
        self.asked += 1
        if group == guid(99):
            raise unknown_group(group)
        yield [guid(1)]


async def check(rules: Rules, tenant: Tenant | None = None) -> list[str]:
    """What is wrong with these rules."""
    tenant = tenant or Tenant()
    return await RuleChecker(tenant, tenant, rules, EventLog("acp.rules")).check()


async def test_rules_that_fit_are_fine_and_none_cost_nothing() -> None:
    """A toll number of a bridge and a group that exists; without rules the tenant is not asked."""
    assert (
        await check(Rules(numbers=NumberRules(default=TOLL), excluded_groups=frozenset({guid(98)})))
        == []
    )
    tenant = Tenant()
    assert await check(Rules(), tenant) == []
    assert tenant.asked == 0


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
