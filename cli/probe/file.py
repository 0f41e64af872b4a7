"""The file that a probe writes: strict, with a version, and without a single value of the tenant."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from cli.errors import CommandError
from cli.probe.names import CONTINUATIONS, HEADERS, MEDIA_TYPES, UNLISTED, VERBS
from cli.probe.questions import questions
from cli.probe.shape import FORMATS, Shape

VERSION: Final[Literal[1]] = 1
_MOST: Final = 8 * 1024 * 1024

Trouble = Literal["", "no answer", "not JSON", "too long", "not asked", "no token"]
Form = Literal["", "web address", "address of another host", "path", "token", "no text"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def _headers(given: dict[str, str]) -> dict[str, str]:
    for name, form in given.items():
        if name not in {*HEADERS, UNLISTED}:
            raise ValueError("a header that no probe writes")
        words = set(form.split(", "))
        # The others are counted, and nothing else is a number.
        counted = name == UNLISTED and re.fullmatch(r"\d{1,4}", form)
        if not words <= {*FORMATS, *MEDIA_TYPES, *VERBS, UNLISTED} and not counted:
            raise ValueError("a form of a header that no probe writes")
    return given


def _rows(given: dict[str, "Answered"]) -> dict[str, "Answered"]:
    keys = {question.key for question in questions()}
    if {key.removesuffix(" otherwise") for key in given} - keys:
        raise ValueError("a call that no probe asks")
    return given


def _name(given: str) -> str:
    if given not in {*CONTINUATIONS, UNLISTED, ""}:
        raise ValueError("a name that no probe writes")
    return given


class Continuation(_Strict):
    """Where the first page says that there is a next one: under which name, in which form.

    pages: how many were read, two at most. second: status of the second.
    """

    name: Annotated[str, AfterValidator(_name)] = ""
    form: Form = ""
    pages: NonNegativeInt = 0
    second: NonNegativeInt = 0


class Answered(_Strict):
    """One answer: `shape` of the body, None without a body that is JSON."""

    status: Annotated[int, Field(ge=0, le=999)] = 0
    trouble: Trouble = ""
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    shape: Shape | None = None
    continuation: Continuation | None = None


class ProbeFile(_Strict):
    """A probe of one tenant: each question by its key, and the answers to it."""

    kind: Literal["acp-probe"]
    version: Literal[1]
    app: str = Field(pattern=r"^\d{1,3}(\.\d{1,3}){1,3}((a|b|rc|\.dev|\.post)\d{1,4})?$")
    cloud: Literal["public", "gcchigh", "dod", "china"]
    rows: Annotated[dict[str, Answered], AfterValidator(_rows)]


def read_file(path: Path) -> ProbeFile:
    """Read a file; CommandError (status 2), in one line: it is no probe file, or of another version."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        raise CommandError(f"--check {path}: cannot be read ({error.strerror})", 2) from None
    try:
        return ProbeFile.model_validate_json(content if len(content) <= _MOST else b"")
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        if fault["loc"] == ("version",):
            raise CommandError(
                f"--check {path}: a probe file of another version; this one reads {VERSION}", 2
            ) from None
        raise CommandError(f"--check {path}: this is no probe file", 2) from None
