"""The rows of table `roster` that count: users on each list, now and at the end of days, and their moves.

A row: `on_LIST` for each list, and `days`, in JSON: under each date the same figures, `moved_SIGNAL`, and
`age_STEP` (`shared.domain.license_age`). The first has `marks` as well, in JSON: for each list the
addresses, as keys have them, of the users whose ids begin with `000`. Figures are sums of all rows. Pure.
"""

import json
import re
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from shared.domain import license_age
from shared.domain.roster import RosterDay, RosterEntry, Standing, difference
from shared.domain.run import Signal

_COUNT: Final = "on_"
_MOVED: Final = "moved_"
_AGE: Final = "age_"
_SHOWN: Final = timedelta(days=31)
"""How long the figures of a day are kept,"""
_AGES_SHOWN: Final = timedelta(days=7)
"""and those of the licenses' ages."""
MARKED: Final = "000"
_MARKS_TEXT: Final = 30_000
"""Characters of all marks: a property holds 32,000 (Azure Tables, "Property types")."""
_ADDRESS: Final = 225
_FORBIDDEN: Final = re.compile(r"[/\\#?%|\x00-\x1f\x7f-\x9f]")

Pairs = Sequence[tuple[RosterEntry | None, RosterEntry]]
"""What was known of users, and what is now."""


def key(digit: str) -> str:
    """Return the key of one of the rows."""
    return f"c|{digit}"


MARKS: Final = key(MARKED[0])
"""The key of the row with the marks."""


def address_key(address: str) -> str:
    """Return an address as keys of rows have it."""
    return _FORBIDDEN.sub("_", address.casefold())[:_ADDRESS]


def changed(
    row: Mapping[str, Any], now: datetime, pairs: Pairs, signal: Signal | None
) -> dict[str, Any]:
    """Return a row after changes. signal: what led to the looks; None: a listing."""
    counts = Counter(_numbers(row, _COUNT))
    counts.update(difference(pairs))
    total = {f"{_COUNT}{name}": count for name, count in counts.items()}
    days = _days(row)
    today = Counter(days.get(now.date(), {}))
    for before, after in pairs:
        # A move that is reported again is the same move.
        if signal and after.moved and not (before and before.standing is Standing.ON_MICROSOFT):
            today[f"{_MOVED}{signal}"] += 1
            if signal in license_age.SIGNALS and after.licensed_at:
                today[f"{_AGE}{license_age.step_of(now - after.licensed_at)}"] += 1
    days[now.date()] = {**today, **total}
    kept = {f"{day}": each for day, each in _shown(days, now.date()).items()}
    return {**total, "days": _text(kept), **_marked(row, pairs)}


def marks(row: Mapping[str, Any], standing: Standing) -> list[str]:
    """Return the marks of a list from the row that has them, in order: one for about 4,000 users."""
    return _marks(row).get(standing, [])


def figures(
    rows: Iterable[Mapping[str, Any]], first: date
) -> tuple[dict[str, int], list[RosterDay]]:
    """Return how many users are on each list, and the days since `first` with a change, from all rows."""
    counts = Counter({str(each): 0 for each in Standing})
    parts = []
    for row in rows:
        counts.update(_numbers(row, _COUNT))
        parts.append(_days(row))
    days = sorted({day for part in parts for day in part if day >= first})
    return dict(counts), [_day(day, parts) for day in days]


def _day(day: date, parts: Iterable[Mapping[date, Mapping[str, Any]]]) -> RosterDay:
    counts, moved, ages = Counter[str](), Counter[str](), Counter[str]()
    for part in parts:
        # Where nothing changed on a day, all stands as on the last day before.
        last = max((each for each in part if each <= day), default=day)
        counts.update(_numbers(part.get(last, {}), _COUNT))
        moved.update(_numbers(part.get(day, {}), _MOVED))
        ages.update(_numbers(part.get(day, {}), _AGE))
    by_step = {int(step): count for step, count in ages.items() if step.isdecimal()}
    return RosterDay(day, +counts, moved, by_step)


def _days(row: Mapping[str, Any]) -> dict[date, dict[str, int]]:
    """Return the figures of each day; none if their text is damaged: they begin anew then."""
    try:
        days = json.loads(row.get("days", "{}"))
        return {date.fromisoformat(day): dict(each) for day, each in days.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _marked(row: Mapping[str, Any], pairs: Pairs) -> dict[str, str]:
    """Return the marks after changes, thinned where they would be too long for a row."""
    moved = [pair for pair in pairs if pair[1].user_id.startswith(MARKED)]
    if not moved:
        return {"marks": row["marks"]} if "marks" in row else {}
    lists = _marks(row)
    for before, after in moved:
        if before and before.standing:
            gone = address_key(before.upn)
            lists[before.standing] = [
                each for each in lists.get(before.standing, []) if each != gone
            ]
        if after.standing:
            insort(lists.setdefault(after.standing, []), address_key(after.upn))
    while len(text := _text(lists)) > _MARKS_TEXT:
        lists = {name: each[::2] for name, each in lists.items()}
    return {"marks": text}


def _marks(row: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the marks of each list; none if their text is damaged: pages take longer then."""
    try:
        lists = json.loads(row.get("marks", "{}"))
        return {name: sorted(map(str, each)) for name, each in lists.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _shown(days: Mapping[date, Mapping[str, int]], today: date) -> dict[date, dict[str, int]]:
    return {
        day: {
            name: figure
            for name, figure in each.items()
            if day > today - _AGES_SHOWN or not name.startswith(_AGE)
        }
        for day, each in days.items()
        if day > today - _SHOWN
    }


def _numbers(row: Mapping[str, Any], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and isinstance(value, int)
    }
