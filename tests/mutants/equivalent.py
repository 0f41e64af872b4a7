"""Mutants that change nothing anybody could see: each by its line, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A changed line of a module (`domain.retry`), blanks around it left out, and why it is the same."""

    module: str
    was: str
    becomes: str
    why: str


_FRESH: Final = (
    "fresh = Waiting(attempt.user_id, attempt.cause, attempt.reason, at, at, at, attempt=0)"
)
_ZIPPED: Final = (
    "changed = [user.id for user, needed in zip(named, verdicts, strict=True) if needed]",
    "for user, needed in zip(named, verdicts, strict=True)",
)


def _kind(
    why: str, part: str, becomes: tuple[str, ...], lines: Iterable[tuple[str, str]]
) -> Iterator[Equivalent]:
    """Yield the mutants of one part of a line, which change nothing in any of these modules' lines."""
    for module, line in lines:
        for each in becomes:
            yield Equivalent(module, line, line.replace(part, each), why)


EQUIVALENT: Final[tuple[Equivalent, ...]] = (
    *_kind(
        "as false as False, which `batched` takes without it; ruff (B911) wants it written",
        "strict=False",
        ("strict=None", ""),
        (
            (
                "domain.messages",
                "for group in batched(dict.fromkeys(users), USERS_PER_MESSAGE, strict=False):",
            ),
            (
                "services.admin.number_changes",
                "for some in batched(results, _AT_ONCE, strict=False):",
            ),
            ("services.admin.releases", "for some in batched(users, _SENT_AT_ONCE, strict=False):"),
            (
                "services.move_requests.carry_out",
                "for number, some in enumerate(batched(names, NAMES_PER_PAGE, strict=False), after + 1):",
            ),
            (
                "services.move_requests.carry_out",
                "for some in batched(pages(), _PAGES_WRITTEN_AT_ONCE, strict=False):",
            ),
            (
                "services.move_requests.carry_out",
                "for some in batched(users, USERS_PER_MESSAGE, strict=False)",
            ),
            (
                "services.move_requests.carry_out",
                "for some in batched(asked, USERS_PER_MESSAGE, strict=False):",
            ),
            (
                "services.move_requests.queued",
                "for some in batched(pages, _MESSAGES_AT_ONCE, strict=False):",
            ),
            (
                "services.moving.preview",
                "for some in batched(names, USERS_PER_MESSAGE, strict=False):",
            ),
            (
                "services.moving.standing_rules",
                "for some in batched(names, USERS_PER_MESSAGE, strict=False):",
            ),
            (
                "services.upkeep.roster",
                "for some in batched(users, _REMOVED_AT_ONCE, strict=False):",
            ),
            (
                "services.upkeep.run_outcomes",
                "for some in batched(results, _PER_WRITE, strict=False):",
            ),
        ),
    ),
    *_kind(
        "what is gathered of some has their number; ruff (B905) wants it written",
        "strict=True",
        ("strict=None", "strict=False", ""),
        (("services.notifications.catch_up", line) for line in _ZIPPED),
    ),
    *_kind(
        "`float` reads it in any case",
        "-inf",
        ("-INF",),
        (
            ("services.admin.health", 'self._known_at = float("-inf")'),
            ("services.moving.brakes", 'self._any_until = self._licensed_until = float("-inf")'),
            ("services.moving.standing_rules", 'self._known_until = float("-inf")'),
            ("services.moving.standing_rules", 'self._numbers_until = float("-inf")'),
            ("services.notifications.intake", 'self._read_at = float("-inf")'),
            ("services.notifications.intake", 'self._reported_at = float("-inf")'),
            ("services.upkeep.capabilities", 'self._shown_at = float("-inf")'),
        ),
    ),
    *_kind(
        "an id that nobody else has, whatever its length",
        "token_hex(8)",
        ("token_hex(None)", "token_hex(9)"),
        (
            (f"services.{name}", "self._owner = secrets.token_hex(8)")
            for name in (
                "notifications.catch_up",
                "notifications.subscription",
                "sweeping.sweep",
                "upkeep.janitor",
            )
        ),
    ),
    *(
        Equivalent(f"services.ports.{module}", line, line.replace(was, becomes), why)
        for why in (
            "a port's method is never run: what counts is the default of who implements it",
        )
        for was, becomes, module, line in (
            (
                "False",
                "True",
                "people",
                "async def take_over(self, user_id: str, claim: Claim, *, number: bool = False) -> None:",
            ),
            (
                "False",
                "True",
                "people",
                "async def cancel(self, user: ServiceUser, now: datetime, *, number: bool = False) -> None:",
            ),
            (
                '""',
                '"XXXX"',
                "people",
                'self, users: Sequence[str], limit: int, after: str = ""',
            ),
            *(
                ('""', '"XXXX"', "people", f'{name}: str = "",')
                for name in ("after", "address", "provider", "country")
            ),
            (
                "= 0",
                "= 1",
                "queues",
                "async def send(self, messages: Sequence[Message], delay: float = 0) -> None:",
            ),
            (
                '""',
                '"XXXX"',
                "runs",
                'self, since: date, now: datetime, before: str = "", signal: Signal | None = None',
            ),
            (
                '""',
                '"XXXX"',
                "runs",
                'async def newest(self, now: datetime, limit: int, before: str = "") -> list[Run]:',
            ),
            (
                "False",
                "True",
                "state",
                "self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False",
            ),
            (
                "False",
                "True",
                "tenant",
                "self, user_id: str, *, first: bool = False, within: float | None = None",
            ),
            ("False", "True", "tenant", "send_email: bool = False,"),
        )
    ),
    Equivalent(
        "services.upkeep.protection",
        "known = None",
        'known = ""',
        "neither is what the settings are, so they are stored",
    ),
    *(
        Equivalent("domain.retry", _FRESH, _FRESH.replace(was, becomes), why)
        for was, becomes, why in (
            (
                "attempt.cause",
                "None",
                "`_counted` sets the cause of every attempt, the first included",
            ),
            ("attempt.reason", "None", "and the reason"),
            ("at, at, at,", "at, None, at,", "and when the user is due"),
            ("at, at, at,", "at, at, None,", "and when the user was looked at"),
        )
    ),
    Equivalent(
        "domain.decision",
        'same = _on_same_bridge(provider, number or toll_free or "", rules.bridges)',
        'same = _on_same_bridge(provider, number or toll_free or "XXXX", rules.bridges)',
        "one of the two is there, or nothing would be other; the last is for the type",
    ),
    Equivalent(
        "domain.listing",
        'missing, licensed = counts.get("unlisted", 0), counts.get("licensed", 0)',
        'missing, licensed = counts.get("unlisted", 1), counts.get("licensed", 0)',
        "neither is many",
    ),
    Equivalent(
        "domain.sorted_rows",
        'self._starts = array("I")',
        'self._starts = array("i")',
        "no test has two thousand million rows",
    ),
    Equivalent(
        "domain.sorted_rows",
        "first, end = self._start(_prefix(key)), self._start(_prefix(key) + 1)",
        "first, end = self._start(_prefix(key)), self._start(_prefix(key) + 2)",
        "a wider range has the row at the same place, and is only slower",
    ),
    Equivalent(
        "domain.sorted_rows",
        "at = bisect_left(range(end), key, first, key=self._key_at)",
        "at = bisect_left(range(end), key, key=self._key_at)",
        "so has this one",
    ),
    Equivalent(
        "domain.number_rules",
        'return self.by_location.get(user.usage_location or "", self.default)',
        'return self.by_location.get(user.usage_location or "XXXX", self.default)',
        "neither is a location, so no rule is for it",
    ),
)
