"""Every request to the console: who it is, which page, and what the browser may do with the answer."""

import asyncio
import gzip
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import htpy

from functions.console.layout import document, notice
from functions.console.session import BASE, Person, Sessions, SignInNeededError
from functions.http.auth import requester
from functions.http.responses import status_of
from shared import bootstrap
from shared.domain.pause import RequestedBy
from shared.errors import AcpError, InputError, NoSuchItemError, NotPermittedError, TooLargeError
from shared.telemetry.operation import operation

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_STATIC: Final = Path(__file__).parent / "static"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding, HX-Request",
}
_LONGEST_FORM: Final = 2**20
_WORTH_PACKING: Final = 1_000
_SESSIONS: Final = Sessions()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: who sent it (by: as records name them), the parts of its address, its query and its form."""

    person: Person
    by: RequestedBy
    parts: tuple[str, ...]
    query: Mapping[str, str]
    form: Mapping[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """Return the form's value of a field, "" when there is none."""
        return self.form.get(name, [""])[0].strip()


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
    """A file to keep: its name, its media type, and its content in gzip."""

    name: str
    kind: str
    packed: bytes


Handler = Callable[["App", Asked], Awaitable[Page | Goto | File]]

PAGES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("GET", ""): ("overview", "show"),
    ("GET", "users"): ("users", "show"),
    ("GET", "users.csv"): ("users", "download"),
    ("POST", "users/move"): ("moving", "confirm"),
    ("POST", "users/move/begin"): ("moving", "begin"),
    ("GET", "user"): ("user", "find"),
    ("GET", "users/*"): ("user", "show"),
    ("GET", "users/*/progress"): ("user", "progress"),
    ("POST", "users/*/save"): ("user", "save"),
    ("POST", "users/*/saved"): ("user", "reveal"),
    ("GET", "runs"): ("runs", "show_all"),
    ("GET", "runs/*"): ("runs", "show"),
    ("GET", "runs/*/progress"): ("runs", "progress"),
    ("GET", "runs/*/results.csv"): ("runs", "download"),
    ("POST", "runs/*/retry"): ("runs", "retry"),
    ("POST", "runs/*/cancel"): ("runs", "cancel"),
    ("POST", "runs/*/release"): ("runs", "release"),
    ("POST", "runs/*/discard"): ("runs", "discard"),
    ("POST", "pause"): ("held", "pause"),
    ("POST", "resume"): ("held", "resume"),
    ("GET", "attention"): ("attention", "show"),
    ("POST", "attention/acknowledge"): ("attention", "acknowledge"),
    ("GET", "health"): ("health", "show"),
}
"""By method and address (`*`: any part): the module of this room and its handler, imported at first use."""


async def answer(req: func.HttpRequest) -> func.HttpResponse:
    """Return a page, a part of one, a file, or where to go; errors become pages that say what to do."""
    path = req.route_params.get("path", "").strip("/")
    if req.method == "GET" and path.startswith("static/"):
        return _file(path.removeprefix("static/"))
    item = path.partition("/")[0]
    person: Person | None = None
    try:
        with operation():
            if path == "enter":
                token = parse_qs(urlsplit(req.url).query).get("token", [""])[0]
                return _go(BASE, {"Set-Cookie": _SESSIONS.enter(token, req.url)})
            person = _SESSIONS.person(req.headers, req.url, bootstrap.settings().api_access)
            asked = _asked(req, path, person)
            found = await _handler(req.method, asked)(bootstrap.app(), asked)
    except SignInNeededError as error:
        if error.address and req.method == "GET":
            return _go(error.address)
        found = notice_page(item, error)
    except AcpError as error:
        found = notice_page(item, error)
    if isinstance(found, Goto):
        return _go(f"{BASE}/{found.path}")
    if isinstance(found, File):
        return await _download(found, req)
    return await _page(found, req, person)


def notice_page(item: str, error: AcpError) -> Page:
    """Return the page for an error: what happened, and that nothing was done."""
    status = status_of(error)
    return Page(status.phrase, item, notice(status.phrase, str(error)), status)


def _asked(req: func.HttpRequest, path: str, person: Person) -> Asked:
    by = requester(req) if person.leave else RequestedBy(person.name)
    query = {name: values[0] for name, values in parse_qs(urlsplit(req.url).query).items()}
    parts = tuple(part for part in path.split("/") if part)
    if req.method == "GET":
        return Asked(person, by, parts, query)
    _check_origin(req)
    if not person.may_write:
        raise NotPermittedError("the app role Conferencing.Write is needed", signed_in=True)
    body = req.get_body()
    if len(body) > _LONGEST_FORM:
        raise TooLargeError(
            f"the form has {len(body):,} bytes; at most {_LONGEST_FORM:,} are taken"
        )
    kind = req.headers.get("Content-Type", "").partition(";")[0].strip().casefold()
    if kind != "application/x-www-form-urlencoded":
        raise InputError("Content-Type: application/x-www-form-urlencoded is needed")
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20_000)
    return Asked(person, by, parts, query, form)


def _check_origin(req: func.HttpRequest) -> None:
    """Raise NotPermittedError unless the form was sent by a page of this console.

    Both headers are set by the browser, and no page can change them (Fetch Standard).
    """
    site, origin = req.headers.get("Sec-Fetch-Site"), req.headers.get("Origin")
    own = urlsplit(req.url).netloc
    forwarded = req.headers.get("Host", own)
    foreign = origin is not None and urlsplit(origin).netloc not in {own, forwarded}
    if foreign or site not in {None, "same-origin"} or (site is None and origin is None):
        raise NotPermittedError(
            "this form was not sent by the console itself, so nothing was done", signed_in=True
        )


def _handler(method: str, asked: Asked) -> Handler:
    for (verb, pattern), (module, name) in PAGES.items():
        parts = tuple(part for part in pattern.split("/") if part)
        if verb == method and len(parts) == len(asked.parts):
            pairs = zip(parts, asked.parts, strict=True)
            if all(wanted in ("*", given) for wanted, given in pairs):
                handler: Handler = getattr(import_module(f"functions.console.{module}"), name)
                return handler
    raise NoSuchItemError("the console has no such page")


async def _page(page: Page, req: func.HttpRequest, person: Person | None) -> func.HttpResponse:
    node = (
        page.content
        if page.part
        else document(page.title, page.item, page.content, page.refresh, person)
    )
    body = str(htpy.fragment[node]).encode()
    headers = dict(_HEADERS)
    if len(body) > _WORTH_PACKING and "gzip" in req.headers.get("Accept-Encoding", ""):
        body = await asyncio.to_thread(gzip.compress, body, 6)
        headers["Content-Encoding"] = "gzip"
    return func.HttpResponse(
        body, status_code=page.status, headers=headers, mimetype="text/html", charset="utf-8"
    )


async def _download(file: File, req: func.HttpRequest) -> func.HttpResponse:
    headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{file.name}"'}
    body = file.packed
    if "gzip" in req.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        body = await asyncio.to_thread(gzip.decompress, body)
    return func.HttpResponse(body, headers=headers, mimetype=file.kind, charset="utf-8")


def _go(address: str, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(
        b"",
        status_code=HTTPStatus.SEE_OTHER,
        headers={**_HEADERS, "Location": address, **(headers or {})},
    )


def _file(name: str) -> func.HttpResponse:
    files = _files()
    if name not in files:
        return func.HttpResponse(b"", status_code=HTTPStatus.NOT_FOUND, headers=_HEADERS)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {
        **_HEADERS,
        "Cache-Control": "public, max-age=86400, immutable",
        "Content-Encoding": "gzip",
    }
    return func.HttpResponse(files[name], headers=headers, mimetype=kind, charset="utf-8")


@cache
def _files() -> Mapping[str, bytes]:
    """Return the files that the browser loads, packed: every browser that runs the console unpacks them."""
    return {path.name: gzip.compress(path.read_bytes(), 9) for path in _STATIC.iterdir()}
