"""Doctor: check the app and its services part by part, with what to do for each."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Final

from shared.clock import Clock
from shared.domain.bridge_changes import describe
from shared.domain.bridges import rule_faults, tolls
from shared.domain.number_rules import NumberRules
from shared.domain.run import Signal
from shared.domain.subscription import GraphSubscription
from shared.errors import AccessDeniedError, AcpError, SettingsError
from shared.services.admin.run_history import RunHistory
from shared.services.ports import Groups, HeldUsers, State, Tenant, WaitingUsers
from shared.text import counted

_DELTA_MAY_BE: Final = timedelta(minutes=30)
_SHOWN: Final = 10
_SUBSCRIBE: Final = "`POST /api/subscription` creates it; keep_subscription does at its next run"
_LONGEST_REASON: Final = 300
_SUBSCRIPTION_SHOULD_LAST: Final = timedelta(days=1)


class Verdict(StrEnum):
    """The state of a part."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: the part, its verdict, and what to do when it is not ok."""

    part: str
    verdict: Verdict
    detail: str
    to_do: str = ""


class Doctor:
    """Checks the parts, all at the same time.

    probes: by part, calls that raise AcpError when the part fails, with what to do then; a returned
    text is shown. unknown: warnings about unknown settings. queues: by name, the number of
    messages. numbers: the number rules. groups: the groups in the settings; included_groups: the pilot.
    subscriptions: those that Graph has. count_users: how many users a group or a location has, see
    `NumberRules.counted`. tenant: None when its bridges and switches are of no use, because nothing is
    set. unreadable: how many stored rows this process could not read, by table.
    """

    def __init__(
        self,
        *,
        probes: Mapping[str, tuple[Callable[[], Awaitable[object]], str]],
        queues: Mapping[str, Callable[[], Awaitable[int]]],
        numbers: NumberRules,
        groups: Sequence[str],
        excluded_faults: Callable[[], Awaitable[Sequence[str]]],
        directory: Groups,
        subscriptions: Callable[[], Awaitable[Sequence[GraphSubscription]]],
        count_users: Callable[[Sequence[str]], Awaitable[Mapping[str, int]]],
        unknown: Sequence[str],
        tenant: Tenant | None,
        runs: RunHistory,
        state: State,
        waiting: WaitingUsers,
        held: HeldUsers,
        included_groups: Container[str],
        unreadable: Callable[[], Mapping[str, int]],
        clock: Clock,
    ) -> None:
        self._probes = probes
        self._queues = queues
        self._numbers = numbers
        self._groups = groups
        self._excluded_faults = excluded_faults
        self._directory = directory
        self._subscriptions = subscriptions
        self._count_users = count_users
        self._unknown = unknown
        self._tenant = tenant
        self._runs = runs
        self._state = state
        self._waiting = waiting
        self._unreadable = unreadable
        self._held = held
        self._included_groups = included_groups
        self._clock = clock

    async def examine(self) -> AsyncIterator[Finding]:
        """Yield the findings, part by part; a part that cannot be examined is a finding as well."""
        parts = {
            **(self._parts_of(self._tenant) if self._tenant else {}),
            "groups": self._named_groups,
            "excluded users": self._excluded_users,
            "subscription": self._subscription,
            "catch-up": self._catch_up,
            "queues": self._messages,
            "waiting users": self._waiting_users,
            "held users": self._held_users,
            "pause": self._paused,
        }
        probed = [self._probe(part, *probe) for part, probe in self._probes.items()]
        tasks = [
            asyncio.create_task(each)
            for each in (*probed, *(self._part(part, examine) for part, examine in parts.items()))
        ]
        try:
            for task in tasks[: len(probed)]:
                yield await task
            for warning in self._unknown:
                yield Finding(
                    "settings", Verdict.WARNING, warning, "correct the name, or remove it"
                )
            for task in tasks[len(probed) :]:
                yield await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        yield await self._stored_rows("stored rows")

    async def _part(self, part: str, examine: Callable[[str], Awaitable[Finding]]) -> Finding:
        try:
            return await examine(part)
        except AcpError as error:
            return Finding(part, Verdict.FAILED, str(error), "see the lines above")

    def _parts_of(self, tenant: Tenant) -> dict[str, Callable[[str], Awaitable[Finding]]]:
        """Return the parts that matter where something is set."""
        return {
            "mails and meetings": partial(self._side_effects, tenant),
            "bridges": partial(self._bridges, tenant),
            "number rules": partial(self._number_rules, tenant),
        }

    async def _probe(
        self, part: str, probe: Callable[[], Awaitable[object]], to_do: str
    ) -> Finding:
        try:
            found = await probe()
        except AccessDeniedError as error:
            return Finding(part, Verdict.FAILED, str(error), to_do)
        except AcpError as error:
            return Finding(part, Verdict.FAILED, str(error), "try again; then check the address")
        return Finding(part, Verdict.OK, found if isinstance(found, str) else "answers")

    async def _side_effects(self, tenant: Tenant, part: str) -> Finding:
        found = await tenant.switches()
        if found is None:
            return Finding(part, Verdict.WARNING, "not known", "check them in the admin center")
        effects = [
            text
            for text, on in {
                "users are mailed new numbers and PINs": found.sends_mail,
                "future meetings are sent again": found.sends_meetings,
                "licensing alone replaces a third party": found.replaces_provider,
            }.items()
            if on
        ]
        if not effects:
            return Finding(part, Verdict.OK, "a move has no side effects")
        to_do = "inform the users, or switch it off before a large move"
        return Finding(part, Verdict.WARNING, "; ".join(effects), to_do)

    async def _bridges(self, tenant: Tenant, part: str) -> Finding:
        known = await tenant.bridge_numbers()
        bridges = len({each.bridge for each in known})
        free = sum(each.toll_free for each in known)
        detail = f"{bridges}, with {len(known) - free} toll and {free} toll-free numbers"
        if len(known) == free:
            to_do = "the tenant has no number to dial in: check its conference bridges"
            return Finding(part, Verdict.FAILED, detail, to_do)
        return Finding(part, Verdict.OK, detail)

    async def _number_rules(self, tenant: Tenant, part: str) -> Finding:
        if not self._numbers:
            return Finding(part, Verdict.OK, "none: the service chooses")
        known = await tenant.bridge_numbers()
        lost = rule_faults(self._numbers, known)
        if lost:
            to_do = f"choose among {tolls(known, _SHOWN)} in ACP_NUMBER_RULES"
            detail = f"no toll number of a bridge: {', '.join(lost)}"
            return Finding(part, Verdict.FAILED, detail, to_do)
        if bridges := await self._bridge_changes():
            to_do = "their IDs are saved before (`acp saved`); or correct ACP_NUMBER_RULES"
            return Finding(part, Verdict.WARNING, f"{bridges} (last sweep)", to_do)
        whom = [for_whom for for_whom, _ in self._numbers.written()]
        counts = self._numbers.counted(await self._count_users(whom))
        users = ", ".join(f"{for_whom} {count:,}" for for_whom, count in counts.items())
        detail = f"{len(counts)}, each on a bridge; users by rule: {users}"
        if 0 in counts.values():
            to_do = "a rule without users gives no number: check its location or group"
            return Finding(part, Verdict.WARNING, detail, to_do)
        return Finding(part, Verdict.OK, detail)

    async def _bridge_changes(self) -> str:
        """Return what the last sweep found of users whose bridge the rules change, or ""."""
        async for run in self._runs.runs(2, Signal.SWEEP):
            if run.scanned:
                return describe(run.counts, self._numbers)
        return ""

    async def _named_groups(self, part: str) -> Finding:
        if not self._groups:
            return Finding(part, Verdict.OK, "no groups are named")
        members = lost = empty = 0
        for group in self._groups:
            try:
                count = sum([len(users) async for users in self._directory.members(group)])
                members, empty = members + count, empty + (count == 0)
                if not count and group in self._included_groups:
                    detail = f"ACP_INCLUDED_GROUPS: {group} shows no members, so it includes nobody"
                    to_do = "add members, or name another group; a hidden membership shows none"
                    return Finding(part, Verdict.WARNING, detail, to_do)
            except SettingsError:
                lost += 1
        if lost:
            to_do = (
                "correct ACP_EXCLUDED_GROUPS, ACP_INCLUDED_GROUPS and ACP_NUMBER_RULES: object ids "
                "are needed"
            )
            return Finding(part, Verdict.FAILED, f"{lost} of {len(self._groups)} unknown", to_do)
        detail = f"{len(self._groups)}, with {counted(members, 'user')}"
        if empty:
            to_do = "a group with hidden membership shows no members: check for such a group"
            return Finding(part, Verdict.WARNING, f"{detail}; {empty} without members", to_do)
        return Finding(part, Verdict.OK, detail)

    async def _excluded_users(self, part: str) -> Finding:
        if faults := await self._excluded_faults():
            to_do = "correct these entries of ACP_EXCLUDED_USERS"
            return Finding(part, Verdict.FAILED, "; ".join(faults), to_do)
        return Finding(part, Verdict.OK, "each entry names a user")

    async def _subscription(self, part: str) -> Finding:
        known = await self._state.subscription()
        to_do = "check the log for errors of keep_subscription"
        if known is None or not known.subscription_id or known.expires_at is None:
            return Finding(
                part, Verdict.WARNING, "there is none: Graph sends no notifications", to_do
            )
        left = known.expires_at - self._clock.now()
        if left <= timedelta(0):
            return Finding(part, Verdict.FAILED, "it has expired", to_do)
        if known.subscription_id not in {each.id for each in await self._subscriptions()}:
            detail = (
                "Graph lists no such subscription for this identity: perhaps nobody is notified"
            )
            return Finding(part, Verdict.WARNING, detail, _SUBSCRIBE)
        hours = counted(left.seconds // 3600, "hour")
        detail = f"expires in {counted(left.days, 'day')} and {hours}"
        if left < _SUBSCRIPTION_SHOULD_LAST:
            return Finding(part, Verdict.WARNING, detail, to_do)
        return Finding(part, Verdict.OK, detail)

    async def _catch_up(self, part: str) -> Finding:
        stored = await self._state.delta_at()
        to_do = "check the log for errors of catch_up"
        if stored is None:
            return Finding(part, Verdict.WARNING, "it has not run yet", to_do)
        age = self._clock.now() - stored
        detail = f"{counted(round(age.total_seconds() / 60), 'minute')} ago"
        verdict = Verdict.OK if age <= _DELTA_MAY_BE else Verdict.FAILED
        return Finding(part, verdict, detail, "" if verdict is Verdict.OK else to_do)

    async def _messages(self, part: str) -> Finding:
        counts = {name: await count() for name, count in self._queues.items()}
        detail = ", ".join(f"{name} {count}" for name, count in counts.items())
        poison = sum(count for name, count in counts.items() if name.endswith("-poison"))
        if poison:
            to_do = "examine the messages: their users may need `acp move`"
            return Finding(part, Verdict.WARNING, detail, to_do)
        return Finding(part, Verdict.OK, detail)

    async def _waiting_users(self, part: str) -> Finding:
        due, reasons = await self._waiting.counts()
        detail = f"{due} waiting for another attempt, {reasons.total()} need attention"
        if reasons:
            # A cause of many, such as a verb that the service does not take, is named here.
            detail += f", most of them because: {reasons.most_common(1)[0][0][:_LONGEST_REASON]}"
            return Finding(part, Verdict.WARNING, detail, "`acp attention` lists them")
        return Finding(part, Verdict.OK, detail)

    async def _held_users(self, part: str) -> Finding:
        if held := Counter(await self._held.counts()):
            to_do = "`acp held` lists them; `acp release RUN` or `acp discard RUN` decides"
            runs = ", ".join(f"{run} ({count})" for run, count in held.most_common(_SHOWN))
            return Finding(part, Verdict.WARNING, f"{held.total()} on {runs}", to_do)
        return Finding(part, Verdict.OK, "none")

    async def _paused(self, part: str) -> Finding:
        if pause := await self._state.pause():
            to_do = "`acp pause --off` ends it; until then nobody is changed"
            return Finding(part, Verdict.WARNING, f"changes are {pause}", to_do)
        return Finding(part, Verdict.OK, "changes are not paused")

    async def _stored_rows(self, part: str) -> Finding:
        """Report rows that are damaged or of a newer version: of those read so far, so it comes last."""
        if counts := self._unreadable():
            detail = ", ".join(f"{count} in {table}" for table, count in sorted(counts.items()))
            to_do = "update the app, if it was rolled back; else repair or delete them (docs/security.md)"
            return Finding(part, Verdict.WARNING, f"cannot be read: {detail}", to_do)
        return Finding(part, Verdict.OK, "all that were read are readable")
