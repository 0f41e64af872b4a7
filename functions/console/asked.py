"""What a browser asks of the console, and what it gets: a page, the way to one, a file, a form's error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import htpy

from functions.console.session import Person
from shared.domain.pause import RequestedBy
from shared.errors import AcpError, InputError


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: who sent it (by: as records name them), the parts of its address, its query and its form.

    error: why the form that was sent did nothing, when its page is shown again. faults: what is wrong with
    it, by field.
    """

    person: Person
    by: RequestedBy
    parts: tuple[str, ...]
    query: Mapping[str, str]
    form: Mapping[str, list[str]] = field(default_factory=dict)
    error: AcpError | None = None
    faults: Mapping[str, str] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """Return the form's value of a field, "" when there is none."""
        return self.form.get(name, [""])[0].strip()

    def several(self, name: str) -> list[str]:
        """Return the form's values of a field, each once."""
        return list(dict.fromkeys(value for value in self.form.get(name, []) if value))

    def sent(self, *actions: str) -> bool:
        """Return whether this shows the page of a form again, which was sent with one of these actions."""
        return self.error is not None and self.parts[-1] in actions


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its title, which item of the navigation it belongs to, and what it shows.

    part: only what replaces a part of a page. refresh: seconds after which a browser without
    JavaScript asks again.
    """

    title: str
    item: str
    content: htpy.Node
    status: HTTPStatus = HTTPStatus.OK
    part: bool = False
    refresh: int | None = None


@dataclass(frozen=True, slots=True)
class Goto:
    """Where the browser goes next, after an action."""

    path: str


@dataclass(frozen=True, slots=True)
class File:
    """A file to keep: its name, its media type, and its content. packed: in gzip."""

    name: str
    kind: str
    content: bytes
    packed: bool = True


class FieldsError(InputError):
    """Fields of a form are wrong, so nothing was done. faults: what is wrong, by field.

    cause: the error behind it, if there is one; its kind decides the status.
    """

    def __init__(self, faults: Mapping[str, str], cause: AcpError | None = None) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults
        self.cause = cause
