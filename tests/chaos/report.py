"""What a run prints: the storm in figures, the broken rules with facts, and how to replay it."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.misfortune import Damage
from tests.chaos.plan import KINDS
from tests.chaos.rules import Verdict
from tests.loglines import parsed

OF_CALLS: Final = (
    "throttled",
    "throttled_without_retry_after",
    "errors_500",
    "errors_503",
    "connection_resets",
    "timeouts",
    "truncated_bodies",
    "wrong_json",
    "slow_answers",
    "stale_reads",
    "set_fails_but_took_effect",
    "set_succeeds_but_did_not",
    "delta_tokens_expire",
    "delta_resyncs",
)
_SHOWN: Final = 10


@dataclass(frozen=True)
class Attempts:
    """The decisions in the hosts' logs."""

    outcomes: Counter[str]
    users: int

    @property
    def again(self) -> int:
        """Attempts at a user who had had one before."""
        return sum(self.outcomes.values()) - self.users


@dataclass(frozen=True)
class Result:
    """One seed's run."""

    seed: int
    users: int
    damage: Damage
    deeds: dict[str, int]
    sets: int
    redelivered: int
    attempts: Attempts
    verdict: Verdict
    late: list[str]
    convergence: float
    seconds: float
    folder: Path
    replay: str

    @property
    def faulty(self) -> int:
        """Calls that a fault struck."""
        return sum(self.damage.faults[kind] for kind in OF_CALLS)

    @property
    def share(self) -> float:
        """The share of faulty calls during the storm. A call without an answer may not be counted
        by the tenant, so each reset and time-out is counted as one more call: the share is a floor.
        """
        unseen = self.damage.faults["connection_resets"] + self.damage.faults["timeouts"]
        return self.faulty / max(1, self.damage.calls + unseen)

    @property
    def missing(self) -> list[str]:
        """The kinds of fault that never struck."""
        return [kind for kind in KINDS if not self.damage.faults[kind]]

    @property
    def good(self) -> bool:
        """Whether every rule holds and everything came to rest in time."""
        return not self.verdict.broken and not self.late


def attempts_in(log: str) -> Attempts:
    """Read the decisions of the services from the hosts' logs, one line each."""
    texts = re.findall(r"acp\.moving \[[^\]]*\] (decided .*)", log)
    decisions = [parsed(text)[1] for text in texts]
    outcomes = Counter(each["outcome"] for each in decisions)
    return Attempts(outcomes, len({each["user"] for each in decisions}))


def lines_of(result: Result) -> list[str]:
    """The report as lines of text."""
    damage, verdict, attempts = result.damage, result.verdict, result.attempts
    struck = ", ".join(f"{kind} {damage.faults[kind]}" for kind in KINDS)
    deeds = ", ".join(f"{deed} {count}" for deed, count in result.deeds.items())
    lines = [
        f"seed {result.seed}: {result.users} users, {result.seconds:.0f} s "
        f"(storm {damage.seconds:.0f} s)",
        f"  calls in the storm   {damage.calls}, {result.faulty} of them faulty: "
        f"{result.share:.1%}",
        f"  faults by kind       {struck}",
        f"  blows                hosts killed {damage.hosts_killed}, "
        f"Azurite stopped and restarted {len(damage.storage_stops)}",
        *(f"  for {seconds:>3.0f} s            {name}" for name, seconds in damage.spells),
        f"  the administrator    {deeds}",
        f"  retries              sets called {result.sets} for {verdict.replaced} providers "
        f"replaced, attempts failed {attempts.outcomes['failed']} and waiting "
        f"{attempts.outcomes['waiting']}, notifications sent again {result.redelivered}",
        f"  duplicates absorbed  {attempts.again} further attempts at {attempts.users} users; "
        f"{verdict.saved} records for {verdict.replaced} replaced providers and the unlicensed",
        f"  at rest              {verdict.on_microsoft} on Microsoft, "
        f"{len(verdict.attention)} need attention",
        f"  convergence          {result.convergence:.1f} s after the faults stopped",
    ]
    reasons = Counter(verdict.attention.values()).most_common(5)
    lines += [f"    needs attention: {count} x {reason}" for reason, count in reasons]
    if damage.storage_lost:
        lines.append("  NOTE Azurite was ended before it had saved: records may be missing")
    lines.append(f"  broken rules         {len(verdict.broken)}")
    lines += [f"    {b.rule}: {b.user} {b.facts}" for b in verdict.broken[:_SHOWN]]
    lines += [f"    not at rest in time: {what}" for what in result.late]
    if not result.good:
        lines.append(f"  logs                 {result.folder}")
    lines.append(f"  replay               {result.replay}")
    return lines
