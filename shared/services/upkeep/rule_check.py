"""Whether the rules in the settings fit the tenant: numbers on bridges, groups that exist."""

from collections.abc import Sequence

from shared.domain.bridges import rule_faults, tolls
from shared.domain.decision import Rules
from shared.errors import SettingsError
from shared.services.ports import Bridges, Groups
from shared.telemetry.events import RuleBroken
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_LISTED = 20


class RuleChecker:
    """Checks the rules against the tenant; asks the tenant nothing where there are no such rules."""

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
        return [
            f"ACP_NUMBER_RULES: {fault} is no toll number of a bridge; there are "
            + tolls(known, _LISTED)
            for fault in rule_faults(self._rules.numbers, known)
        ]

    async def _unknown_groups(self) -> Sequence[str]:
        faults = []
        for group in self._rules.groups:
            try:
                async for _ in self._groups.members(group):
                    break
            except SettingsError as error:
                excludes = group in self._rules.excluded_groups
                setting = "ACP_EXCLUDED_GROUPS" if excludes else "ACP_NUMBER_RULES"
                faults.append(f"{setting}: {error}")
        return faults
