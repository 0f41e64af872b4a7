"""Answers of the HTTP API: JSON or CSV, and errors as problem details (RFC 9457)."""

import asyncio
import csv
import io
import json
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import azure.functions as func
from pydantic import BaseModel, ValidationError

from functions.http.auth import Role, check_origin, check_role
from shared import bootstrap
from shared.errors import (
    AcpError,
    BusyError,
    ConflictError,
    InputError,
    MediaTypeError,
    NoSuchItemError,
    NotPermittedError,
    RetryLaterError,
    ServiceError,
    SettingsError,
    StorageError,
    TooLargeError,
)
from shared.settings.settings import ApiAccess
from shared.telemetry.operation import operation
from shared.text import counted, defused, harmless, harmless_json

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_PROBLEM: Final = "application/problem+json"
_RETRY_SECONDS: Final = 30
_LONGEST_TEXT: Final = 1_000
_AT_ONCE: Final = 64 * 2**10
"""Bytes of a body from which on it is read in a thread: fewer take a few milliseconds."""

_MOST_PARTS: Final = 600_000
"""Commas of a body: 100,000 users with numbers of their own have 400,000. Each costs memory."""

LARGEST: Final = 16 * 2**20
"""Bytes of a body; the host itself refuses what is a little larger (infra/main.bicep)."""

_STATUSES: Final = (
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (MediaTypeError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (NoSuchItemError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (InputError, HTTPStatus.BAD_REQUEST),
    ((BusyError, ServiceError, StorageError, SettingsError), HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first that fits counts: the special ones stand before what they are kinds of."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers: a model or rows of a table, with a status."""

    body: BaseModel | None = None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    media_type: str = "application/json"


class PointedError(InputError):
    """A request whose fields are wrong; each fault has a JSON pointer to its field."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{counted(len(faults), 'field is', 'fields are')} wrong")
        self.faults = faults


async def answer(
    req: func.HttpRequest,
    needed: Role,
    work: Callable[["App", func.HttpRequest], Awaitable[Reply]],
    *,
    refuse: Callable[[func.HttpRequest], None] = lambda _: None,
) -> func.HttpResponse:
    """Return what `work` replies; its errors become problem details, without inner secrets.

    needed: the app role that the caller needs where people sign in (ACP_API_ACCESS=entra). refuse: raises an
    error for what the call does not take.
    """
    try:
        check_origin(req.method, req.url, req.headers)
        if bootstrap.settings().api_access is ApiAccess.ENTRA:
            check_role(needed, req.headers, os.environ)
        refuse(req)
        with operation():
            reply = await work(bootstrap.app(), req)
    except AcpError as error:
        return problem(error)
    return rendered(reply)


def rendered(reply: Reply) -> func.HttpResponse:
    """Return a reply; what its JSON holds steers no terminal."""
    text = reply.text
    if reply.body:
        text = harmless_json(reply.body.model_dump_json(exclude_none=True))
    return func.HttpResponse(
        text,
        status_code=reply.status,
        headers={**reply.headers, "Cache-Control": "no-store"},
        mimetype=reply.media_type,
    )


async def read[Model: BaseModel](kind: type[Model], body: bytes) -> Model:
    """Return the request's body as a model; PointedError names each field that is wrong.

    A large one is read in a thread: it must not hold up the notifications that this instance answers.
    TooLargeError: it has more parts than a list of users, each with numbers, needs.
    """
    if (parts := body.count(b",")) > _MOST_PARTS:
        raise TooLargeError(
            f"the body has {parts:,} commas; at most {_MOST_PARTS:,} are taken: name fewer users at once"
        )
    if len(body) < _AT_ONCE:
        return _read(kind, body)
    return await asyncio.to_thread(_read, kind, body)


def _read[Model: BaseModel](kind: type[Model], body: bytes) -> Model:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise PointedError(_faults(error, kind)) from None


def small_body(req: func.HttpRequest) -> bytes:
    """Return the body of a request; TooLargeError: more than names of users need."""
    body = req.get_body()
    if len(body) > LARGEST:
        raise TooLargeError(f"the body has {len(body):,} bytes; at most {LARGEST:,} are taken")
    return body


def read_query[Model: BaseModel](kind: type[Model], query: Mapping[str, str]) -> Model:
    """Return the request's query as a model; PointedError names each parameter that is wrong."""
    try:
        return kind.model_validate_strings(dict(query))
    except ValidationError as error:
        raise PointedError(_faults(error, kind)) from None


def next_page(path: str, after: str | None, top: int, **also: str) -> str | None:
    """Return the address of the next page below `/api/`; None: there is none. also: its other parameters."""
    if after is None:
        return None
    return f"/api/{path}?{urlencode({'top': top, 'after': after, **also})}"


def refuse_input(
    req: func.HttpRequest,
    *,
    parameters: bool,
    body: bool,
    known: Collection[str] | None = None,
    fields: str = "",
) -> None:
    """Raise PointedError for what a call does not take: a dry run requested here would become a real one.

    known: the parameters of a call that takes some; None: whoever reads them refuses the others. fields:
    the name of the model of its body.
    """
    faults: list[tuple[str, str]] = []
    if parameters and known is not None:
        wrong = "this call has no such parameter"
        unknown = (name for name in query_of(req.url) if name not in known)
        faults += [(f"/{name}", f"{wrong}; {_instead(name, known)}") for name in unknown]
    if not parameters:
        wrong = "this call takes no parameters in its address"
        its = _fields_of(fields) if fields else ()
        faults += [
            (f"/{name}", f"{wrong}; in its body {_instead(name, its)}" if its else wrong)
            for name in query_of(req.url)
        ]
    if not body and req.get_body().strip() not in (b"", b"{}"):
        faults.append(("", "this call takes no body"))
    if faults:
        raise PointedError(faults)


def _instead(name: str, known: Collection[str]) -> str:
    """Return what may have been meant by a name that is not known, and what is."""
    near = get_close_matches(name.casefold().replace("-", "_"), known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{meant}it takes {', '.join(known) or 'none'}"


def _fields_of(name: str) -> tuple[str, ...]:
    kind: type[BaseModel] = getattr(import_module("functions.http.schemas"), name)
    return tuple(kind.model_fields)


def query_of(url: str) -> dict[str, str]:
    """Return the parameters of an address, without the function key; PointedError: one is there twice.

    From the address and not from the host's `params`, in which Azure leaves out those that are empty:
    `?dry_run=` is not understood, and must not become a real run.
    """
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    given = [(name, value) for name, value in pairs if name != "code"]
    twice = {name for name, _ in given if [each for each, _ in given].count(name) > 1}
    if twice:
        raise PointedError([(f"/{name}", "is given more than once") for name in sorted(twice)])
    return dict(given)


def as_csv(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Return rows as CSV with a header; no field is taken for a formula by a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([defused(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def problem(error: AcpError) -> func.HttpResponse:
    """Return an error as problem details; what it repeats of the request is cut and harmless."""
    status = status_of(error)
    details: dict[str, object] = {"title": status.phrase, "status": status.value}
    details["detail"] = _cut(str(error))
    if isinstance(error, PointedError):
        details["errors"] = [
            {"pointer": _cut(at), "detail": _cut(wrong)} for at, wrong in error.faults
        ]
    headers = {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        seconds = error.seconds if isinstance(error, RetryLaterError) else _RETRY_SECONDS
        headers["Retry-After"] = f"{seconds:.0f}"
    return func.HttpResponse(
        json.dumps(details), status_code=status, headers=headers, mimetype=_PROBLEM
    )


def _cut(text: str) -> str:
    """Return a text that may repeat what the caller sent, not longer than a person reads."""
    text = harmless(text)
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def status_of(error: AcpError) -> HTTPStatus:
    """Return the status that an error becomes."""
    if isinstance(error, NotPermittedError):
        return HTTPStatus.FORBIDDEN if error.signed_in else HTTPStatus.UNAUTHORIZED
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _faults(error: ValidationError, kind: type[BaseModel]) -> list[tuple[str, str]]:
    return [
        (_pointer(fault["loc"]), _wrong(fault["type"], fault["loc"], fault["msg"], kind))
        for fault in error.errors(include_input=False, include_url=False)[:20]
    ]


def _wrong(what: str, place: tuple[int | str, ...], text: str, kind: type[BaseModel]) -> str:
    """Return what is wrong with a field in words that a person can act on."""
    if what != "extra_forbidden":
        return text.removeprefix("Value error, ")
    if len(place) > 1:
        return "there is no such field"
    return f"there is no such field; {_instead(str(place[0]), tuple(kind.model_fields))}"


def _pointer(place: tuple[int | str, ...]) -> str:
    """Return a JSON pointer (RFC 6901) to a field of the body."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
