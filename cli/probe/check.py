"""Compare a probe file with what the parsers and the simulated tenant assume. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cli.probe.file import Answered, ProbeFile
from cli.probe.names import UNLISTED
from cli.probe.questions import PAGES, Question, questions
from cli.probe.shape import Shape

_DOT: Final = re.compile(r"(?<!@odata)\.")
_DENIED: Final = (401, 403)
_OK: Final = 200
_MAY_BE_SILENT: Final = {
    "acpInfo": "providers are not reported",
    "featureTypes": "features are not reported: nobody would count as provisioned",
}
"""What the parsers read without, and what it means if nobody has it."""


class Verdict(StrEnum):
    """What a row of a file says about an assumption."""

    AS_ASSUMED = "as assumed"
    DIFFERS = "differs"
    NOT_ALLOWED = "not allowed"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on one call; change: the constant to correct when it differs."""

    call: str
    verdict: Verdict
    detail: str = ""
    change: str = ""


def check(file: ProbeFile) -> Iterator[Checked]:
    """Yield the verdict on each call that a probe asks."""
    for question in questions():
        answered = file.rows.get(question.key, Answered(trouble="not asked"))
        otherwise = file.rows.get(f"{question.key} otherwise")
        yield _check(question, answered, otherwise)


def _check(question: Question, answered: Answered, otherwise: Answered | None) -> Checked:
    call = str(question)
    if answered.trouble in ("not asked", "no token"):
        return Checked(call, Verdict.NOT_ASKED, answered.trouble)
    if answered.status in _DENIED:
        detail = f"HTTP {answered.status}: a permission or a role is missing"
        return Checked(call, Verdict.NOT_ALLOWED, detail)
    found = _status(question, answered, otherwise) or _body(question, answered)
    if found:
        return Checked(call, Verdict.DIFFERS, *found)
    return Checked(call, Verdict.AS_ASSUMED, _notes(question, answered))


def _status(
    question: Question, answered: Answered, otherwise: Answered | None
) -> tuple[str, str] | None:
    constant = question.call_constant
    if answered.trouble:
        return answered.trouble, constant
    if answered.status in question.statuses:
        return None
    if otherwise and otherwise.status == _OK:
        return f"HTTP {answered.status}, but {question.otherwise} answers 200", constant
    allow = answered.headers.get("allow")
    takes = f"; it takes {allow}" if allow else ""
    return f"HTTP {answered.status}{takes}", constant


def _body(question: Question, answered: Answered) -> tuple[str, str] | None:
    if answered.status != _OK:
        return None
    if answered.shape is None:
        return "there is no body", question.model
    wrong = next(_differences(question.expected, answered.shape), None)
    if wrong:
        return wrong, question.model
    wrong = _paging(question, answered)
    return (wrong, PAGES) if wrong else None


def _differences(expected: Mapping[str, frozenset[str]], whole: Shape) -> Iterator[str]:
    for place, kinds in expected.items():
        name = place.removesuffix("?")
        yield from _follow(name, _DOT.split(name), whole, kinds, optional=name != place)


def _follow(
    place: str, steps: list[str], shape: Shape, kinds: frozenset[str], *, optional: bool
) -> Iterator[str]:
    """Yield what is wrong at the end of these steps: a field, `x[]` elements of one, `[]` of a root."""
    for number, step in enumerate(steps):
        field = step.removesuffix("[]")
        last = number == len(steps) - 1
        if field:
            if others := set(shape.seen) - {"object", "null"}:
                yield f"field {place}: {', '.join(sorted(others))} instead of the object with it"
                return
            inner = shape.fields.get(field)
            have = inner.count() if inner else 0
            objects = shape.count("object")
            if have < objects and last and not optional:
                yield f"field {place}: absent in {objects - have} of {objects}"
                return
            if inner is None:
                return
            shape = inner
        if step.endswith("[]"):
            if not shape.count("array", "null") and shape.count():
                yield f"field {place}: {', '.join(shape.seen)} instead of array"
                return
            if shape.items is None:
                return
            shape = shape.items
    yield from _kinds(place, shape, kinds)
    if not optional and shape.count() and shape.count() == shape.count("null"):
        yield f"field {place}: nothing but null"


def _kinds(place: str, shape: Shape, kinds: frozenset[str]) -> Iterator[str]:
    seen = {kind for kind in shape.seen if kind != "text"} | {
        "text" if "text" in kinds else form for form in shape.formats
    }
    if others := seen - kinds:
        wanted = " or ".join(sorted(kinds))
        yield f"field {place}: {', '.join(sorted(others))} instead of {wanted}"


def _paging(question: Question, answered: Answered) -> str | None:
    """Return what is wrong with how the listing goes on."""
    if not question.listing or answered.shape is None:
        return None
    goes_on = answered.continuation
    rows = next(iter(question.expected)).partition("[")[0]
    size = int(question.params.get("$top") or question.params.get("pagesize") or 0)
    field = answered.shape.fields.get(rows)
    if goes_on is None or not goes_on.name:
        full = field is not None and (field.most or 0) >= size
        return f"a full page of {size} names no next page" if full and question.teams else None
    if goes_on.name == UNLISTED or goes_on.form in ("no text", "address of another host"):
        return f"the next page is in {goes_on.name}, as {goes_on.form}"
    return None if goes_on.second == _OK else f"the second page: HTTP {goes_on.second}"


def _notes(question: Question, answered: Answered) -> str:
    """Return what is worth knowing although it is assumed."""
    notes = []
    if answered.status != _OK:
        notes.append(f"HTTP {answered.status}")
    if answered.continuation and answered.continuation.name:
        notes.append(f"next page in {answered.continuation.name}: {answered.continuation.form}")
    rows = answered.shape and next(
        filter(None, map(answered.shape.fields.get, ("users", "value"))), None
    )
    row = rows.items if rows else answered.shape
    for name, note in _MAY_BE_SILENT.items():
        # Only where the field is among what is assumed of this call.
        if row and any(name in place for place in question.expected):
            found = row.fields.get(name)
            if found is None or not found.count("array"):
                notes.append(note)
    return "; ".join(notes)
