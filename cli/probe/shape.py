"""The shape of a JSON answer: names, types, formats and counts, and never a value. Pure."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt

from cli.probe.names import FIELDS, UNLISTED, WORDS, field_name

_DEEPEST: Final = 12

Kind = Literal["object", "array", "text", "whole", "fraction", "true or false", "null", "not shown"]

_SIMPLE: Final[tuple[tuple[type, Kind], ...]] = (
    (type(None), "null"),
    (bool, "true or false"),
    (int, "whole"),
    (float, "fraction"),
)

_FORMATS: Final = {
    "empty": r"",
    "GUID": r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "address of a user": r"[^@\s:/]+@[^@\s:/]+",
    "SIP address": r"(?i)sip:\S+",
    "web address": r"(?i)https?://\S+",
    "path": r"/\S*",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "tel: number": r"tel:\+?[\d; =a-z-]+",
    "number with plus sign": r"\+\d{5,15}",
    "digits": r"\d+",
    "two capital letters": r"[A-Z]{2}",
    "name of a host": r"(?i)[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?",
    "one word": r"\w+",
}
"""Formats of texts, the first that fits; `known word` and `other text` are the rest."""

KNOWN_WORD: Final = "known word"
OTHER: Final = "other text"
FORMATS: Final = frozenset({*_FORMATS, KNOWN_WORD, OTHER})


def format_of(text: str, field: str = "") -> str:
    """Return the format of a text in a field."""
    if text in WORDS.get(field, ()):
        return KNOWN_WORD
    return next((name for name, form in _FORMATS.items() if re.fullmatch(form, text)), OTHER)


def _known(names: Iterable[str], known: Iterable[str], what: str) -> None:
    if unknown := set(names) - set(known):
        raise ValueError(f"{len(unknown)} {what} that no probe writes")


class Shape(BaseModel):
    """What was seen in one place.

    seen: how often each type. formats: of texts. least, most: elements of arrays. fields: of objects;
    `<unlisted>` stands for all that are not on the list. items: of arrays, all together.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    seen: dict[Kind, NonNegativeInt]
    formats: Annotated[
        dict[str, NonNegativeInt], AfterValidator(lambda v: _check(v, FORMATS, "formats"))
    ] = Field(default_factory=dict)
    least: NonNegativeInt | None = None
    most: NonNegativeInt | None = None
    fields: Annotated[
        dict[str, "Shape"], AfterValidator(lambda v: _check(v, {*FIELDS, UNLISTED}, "fields"))
    ] = Field(default_factory=dict)
    items: "Shape | None" = None

    @classmethod
    def of(cls, value: Any, field: str = "", depth: int = 0) -> Self:
        """Return the shape of a JSON value. field: the listed name of the field that has it."""
        if depth > _DEEPEST:
            return cls(seen={"not shown": 1})
        if isinstance(value, str):
            return cls(seen={"text": 1}, formats={format_of(value, field): 1})
        if isinstance(value, list):
            items = merged(cls.of(each, field, depth + 1) for each in value)
            return cls(seen={"array": 1}, least=len(value), most=len(value), items=items)
        if isinstance(value, dict):
            return cls(seen={"object": 1}, fields=cls._fields_of(value, depth))
        kind = next((kind for of, kind in _SIMPLE if isinstance(value, of)), "not shown")
        return cls(seen={kind: 1})

    @classmethod
    def _fields_of(cls, value: dict[str, Any], depth: int) -> dict[str, "Shape"]:
        fields: dict[str, Shape] = {}
        unlisted = 0
        for name, inner in sorted(value.items()):
            if field_name(name) == UNLISTED:
                unlisted += 1
            else:
                fields[name] = cls.of(inner, name, depth + 1)
        if unlisted:
            # How many there are, and nothing of what is in them.
            fields[UNLISTED] = cls(seen={"not shown": unlisted})
        return fields

    def count(self, *kinds: Kind) -> int:
        """Return how often values of these types were seen; without any, how often one was."""
        return sum(number for kind, number in self.seen.items() if not kinds or kind in kinds)


def _check[Names: dict[str, Any]](given: Names, known: Iterable[str], what: str) -> Names:
    _known(given, known, what)
    return given


def merged[S: Shape](shapes: Iterable[S]) -> S | None:
    """Return one shape for several; None for none."""
    each = list(shapes)
    if not each:
        return None
    names = sorted({name for one in each for name in one.fields})
    fields = {
        name: merged(one.fields[name] for one in each if name in one.fields) for name in names
    }
    return type(each[0])(
        seen=_summed(one.seen for one in each),
        formats=_summed(one.formats for one in each),
        least=min((one.least for one in each if one.least is not None), default=None),
        most=max((one.most for one in each if one.most is not None), default=None),
        fields={name: shape for name, shape in fields.items() if shape},
        items=merged(one.items for one in each if one.items),
    )


def _summed[Name: str](counts: Iterable[dict[Name, int]]) -> dict[Name, int]:
    whole: Counter[Name] = Counter()
    for each in counts:
        whole.update(each)
    return dict(whole)
