"""What a service names, read so that nothing it sends can raise or go without a limit.

JSON of any kind, numbers and sizes, pauses and dates, and lists element by element: one odd value is a
fault of its own and leaves its neighbors alone.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic_core import from_json

from shared.text import canonical

LONGEST_PAUSE: Final = 86_400.0
"""Seconds: a service that asks for a longer pause is asked again after a day."""

_LONGEST_NUMBER: Final = 400
_DEEPEST: Final = 100
_MOST_FAULTS: Final = 1_000
_LIST: Final = TypeAdapter(list[Any])
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_OPENING: Final = (b"[", b"{")

Fault = tuple[str, str]
"""The id of what could not be read, "" without one, and what is wrong with it."""


Guid = Annotated[str, AfterValidator(canonical)]
"""A GUID in any form, read in small letters with hyphens."""


def read_json(body: bytes) -> Any:
    """Return the JSON in a body; ValueError: it is none.

    What other readers refuse a whole document for is cut out: whatever is nested more than 100 levels
    deep becomes null, and a number of hundreds of digits infinity.
    """
    try:
        return from_json(body, allow_inf_nan=True)
    except ValueError:
        pass
    try:
        return json.loads(_shallow(body), parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def number(value: object, most: float, least: float = 0.0) -> float | None:
    """Return a number that a service gave as number or text, held between the two; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        # Digits that are too many are a large number; `inf` and `nan` are no numbers.
        digits = not isinstance(value, str) or value.strip().isdigit()
        return most if digits and found > 0 else None
    return min(most, max(least, found))


def moment(value: object, now: datetime, most: timedelta) -> datetime | None:
    """Return a point in time (ISO 8601 or an HTTP date; UTC if it does not say), or None.

    It is held to at most `most` before or after `now`.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(value.strip())
            aware = found if found.tzinfo else found.replace(tzinfo=UTC)
            left = (aware - now).total_seconds()
        except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
            continue
        limit = most.total_seconds()
        return now + timedelta(seconds=min(limit, max(-limit, left)))
    return None


def pause(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds in `Retry-After` (a number or an HTTP date), a day at most, or None."""
    value = headers.get("Retry-After") or headers.get("retry-after")
    seconds = number(value, LONGEST_PAUSE)
    if seconds is not None:
        return seconds
    until = moment(value, now, timedelta(seconds=LONGEST_PAUSE))
    return None if until is None else max(0.0, (until - now).total_seconds())


def elements[T](items: Sequence[object], read: Callable[[Any], T]) -> tuple[list[T], list[Fault]]:
    """Return what `read` makes of each element, and the faults of those that it refuses.

    ValidationError: it refuses more than a thousand of them.
    """
    found: list[T] = []
    faults: list[Fault] = []
    for item in items:
        try:
            found.append(read(item))
        except ValidationError as error:
            if len(faults) == _MOST_FAULTS:
                raise  # no list of what was expected
            faults.append((name_of(item), describe(error)))
    return found, faults


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body, an empty one if it is none."""
    try:
        content = read_json(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def list_reader[T](
    read: Callable[[Any], T],
) -> Callable[[bytes], tuple[list[T], list[Fault]]]:
    """Return a reader of bodies that are a list; see `elements`. ValueError: the body is none."""

    def read_body(body: bytes) -> tuple[list[T], list[Fault]]:
        content = read_json(body)
        return elements(_LIST.validate_python(content), read)

    return read_body


def name_of(item: object) -> str:
    """Return an element's id, "" without one."""
    names = [item.get(key) for key in ("objectId", "id")] if isinstance(item, dict) else []
    return next((name[:64] for name in names if isinstance(name, str)), "")


def describe(error: ValidationError) -> str:
    """Return the first fault as `field NAME: what is wrong`, without the value."""
    fault = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(printable(str(part)[:64]) for part in fault["loc"])
    wrong = fault["msg"].removeprefix("Value error, ")
    return f"field {where}: {wrong}" if where else wrong


def printable(text: str) -> str:
    """Return a text that a service sent, on one line and without what a terminal would obey."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def _shallow(body: bytes) -> bytes:
    """Return the document with null in place of whatever is nested too deeply."""
    kept: list[bytes] = []
    depth = at = 0
    for token in _TOKEN.finditer(body):
        if (sign := token[0]) in _OPENING:
            depth += 1
            if depth == _DEEPEST + 1:
                kept += [body[at : token.start()], b"null"]
        elif sign in (b"]", b"}"):
            depth -= 1
            if depth == _DEEPEST:
                at = token.end()
    kept.append(body[at:] if depth <= _DEEPEST else b"")
    return b"".join(kept)
