"""Whether the rules in the settings fit the tenant: numbers on bridges, groups that exist."""

from collections.abc import Sequence
from typing import Protocol

from shared.domain.bridges import BridgeNumber, rule_faults
from shared.domain.decision import Rules
from shared.errors import SettingsError
from shared.events import RuleBroken
from shared.log import EventLog
from shared.operation import traced
from shared.services.memberships import Groups

_LISTED = 20


class Bridges(Protocol):
    """Teams' conference bridges."""

    async def bridge_numbers(self) -> list[BridgeNumber]:
        """Return the numbers of all bridges."""
        ...


class RuleChecker:
    """Holds the rules against the tenant; asks the tenant nothing where there are no such rules."""

    def __init__(self, bridges: Bridges, groups: Groups, rules: Rules, log: EventLog) -> None:
        self._bridges = bridges
        self._groups = groups
        self._rules = rules
        self._log = log

    @traced
    async def check(self) -> list[str]:
        """Return what is wrong, each with what to do, and write it to the log. ServiceError: no answer."""
        faults = [*await self._numbers(), *await self._unknown_groups()]
        for fault in faults:
            self._log.write(RuleBroken(reason=fault))
        return faults

    async def _numbers(self) -> Sequence[str]:
        if not self._rules.numbers:
            return []
        known = await self._bridges.bridge_numbers()
        tolls = sorted(each.number for each in known if not each.toll_free)
        return [
            f"ACP_NUMBER_RULES: {fault} is no toll number of a bridge; there are "
            + ", ".join(tolls[:_LISTED])
            for fault in rule_faults(self._rules.numbers, known)
        ]

    async def _unknown_groups(self) -> Sequence[str]:
        faults = []
        for group in self._rules.groups:
            try:
                async for _ in self._groups.members(group):
                    break
            except SettingsError as error:
                faults.append(str(error))
        return faults
