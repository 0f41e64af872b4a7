"""Check the rules in the settings against the tenant: numbers on bridges, groups that exist."""

from collections.abc import Sequence

from shared.domain.bridges import rule_faults, tolls
from shared.domain.decision import Rules
from shared.errors import AccessDeniedError, AmbiguousNameError, SettingsError
from shared.services.moving.standing_rules import look_up
from shared.services.ports import Bridges, Directory, State
from shared.telemetry.events import RuleBroken
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_LISTED = 20


class RuleChecker:
    """Checks the rules against the tenant; without such rules the tenant is not queried."""

    def __init__(
        self, bridges: Bridges, directory: Directory, state: State, rules: Rules, log: EventLog
    ) -> None:
        self._bridges = bridges
        self._directory = directory
        self._state = state
        self._rules = rules
        self._log = log

    @traced
    async def check(self) -> list[str]:
        """Return what is wrong, each with what to do, and write it to the log. ServiceError: no answer.

        A pilot group without members is logged only: it may be filled later.
        """
        faults = [
            *await self._numbers(),
            *await self._unknown_groups(),
            *(f"ACP_EXCLUDED_USERS: {fault}" for fault in await self.excluded_faults()),
        ]
        for fault in faults:
            self._log.write(RuleBroken(reason=fault))
        await self._state.save_rule_faults(faults)
        return faults

    async def raise_known_faults(self) -> None:
        """Raise SettingsError with what the last check found wrong, if anything."""
        if faults := await self._state.rule_faults():
            raise SettingsError("; ".join(faults))

    async def excluded_faults(self) -> list[str]:
        """Return what is wrong with excluded names and ids: nobody has them, or several users do.

        A name that the directory knew once is right: its user stays excluded.
        """
        names = sorted(self._rules.excluded)
        if not names:
            return []
        remembered = await self._state.excluded_ids()
        faults = []
        for name, user in (await look_up(self._directory, names)).items():
            if name not in remembered and user is None:
                faults.append(f"{name!r} names nobody, so it protects nobody")
            elif name not in remembered and isinstance(user, AmbiguousNameError):
                faults.append(f"{name!r}: {user.detail}; until then nobody is moved")
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
                members = 0
                async for page in self._directory.members(group):
                    if members := len(page):
                        break
            except SettingsError as error:
                faults.append(f"{self._setting_of(group)}: {error}")
                continue
            except AccessDeniedError as error:
                faults.append(f"{self._setting_of(group)}: group {group} cannot be read: {error}")
                continue
            if not members and group in self._rules.included_groups:
                reason = f"ACP_INCLUDED_GROUPS: group {group} has no members: it includes nobody"
                self._log.write(RuleBroken(reason=reason))
        return faults

    def _setting_of(self, group: str) -> str:
        if group in self._rules.excluded_groups:
            return "ACP_EXCLUDED_GROUPS"
        return "ACP_INCLUDED_GROUPS" if group in self._rules.included_groups else "ACP_NUMBER_RULES"
