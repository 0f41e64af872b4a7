"""Every request to the console: who it is, which page, and what the browser may do with the answer."""

import asyncio
import gzip
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import htpy

from functions.console.asked import Asked, FieldsError, File, Goto, Page
from functions.console.layout import document, notice, refused
from functions.console.session import BASE, Person, Sessions, SignInNeededError
from functions.http.auth import Role, requester
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
_BY_SCRIPT: Final = "HX-Request"
"""Set by htmx, which puts the answer in place of a part of the page (htmx reference, "Request Headers")."""
_LONGEST_FORM: Final = 2**20
_MOST_FIELDS: Final = 20_000
_LONGEST_KEY: Final = 200
_WORTH_PACKING: Final = 1_000
_SESSIONS: Final = Sessions()


@dataclass(frozen=True, slots=True)
class Route:
    """A page or an action: the module of this room, imported at first use, and its handler.

    again: the handler (`module.name`) of the page on which a form stands that did nothing: it is shown as it
    is now, with what is wrong and what was typed.
    """

    module: str
    name: str
    again: str = ""


Handler = Callable[["App", Asked], Awaitable[Page | Goto | File]]

PAGES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", ""): Route("overview", "show"),
    ("GET", "users"): Route("users", "show", "users.show"),
    ("GET", "users.csv"): Route("users", "download"),
    ("GET", "users.xlsx"): Route("users", "download"),
    ("POST", "users/move"): Route("moving", "confirm", "users.show"),
    ("POST", "users/move/begin"): Route("moving", "begin", "moving.confirm"),
    ("GET", "user"): Route("user", "find", "overview.show"),
    ("GET", "users/*"): Route("user", "show"),
    ("GET", "users/*/progress"): Route("saving", "progress"),
    ("POST", "users/*/save"): Route("user", "save", "user.show"),
    ("POST", "users/*/saved"): Route("user", "reveal", "user.show"),
    ("GET", "runs"): Route("runs", "show_all"),
    ("GET", "runs/*"): Route("runs", "show"),
    ("GET", "runs/*/progress"): Route("runs", "progress"),
    ("GET", "runs/*/results.csv"): Route("runs", "download"),
    ("GET", "runs/*/results.xlsx"): Route("runs", "download"),
    ("POST", "runs/*/retry"): Route("runs", "retry", "runs.show"),
    ("POST", "runs/*/cancel"): Route("runs", "cancel", "runs.show"),
    ("POST", "runs/*/release"): Route("held", "release", "runs.show"),
    ("POST", "runs/*/discard"): Route("held", "discard", "runs.show"),
    ("POST", "pause"): Route("pausing", "pause", "overview.show"),
    ("POST", "resume"): Route("pausing", "resume", "overview.show"),
    ("GET", "attention"): Route("attention", "show"),
    ("POST", "attention/retry"): Route("moving", "confirm", "attention.show"),
    ("POST", "attention/acknowledge"): Route("attention", "acknowledge", "attention.show"),
    ("GET", "health"): Route("health", "show"),
}
"""By method and address (`*`: any part)."""


async def answer(
    req: func.HttpRequest,
    open_app: "Callable[[], App]" = bootstrap.app,
    sessions: Sessions = _SESSIONS,
) -> func.HttpResponse:
    """Return a page, a part of one, a file, or where to go; errors become pages that say what to do."""
    path = req.route_params.get("path", "").strip("/")
    if req.method == "GET" and path.startswith("static/"):
        return _file(path.removeprefix("static/"))
    item = path.partition("/")[0]
    person: Person | None = None
    replaces_part = req.headers.get(_BY_SCRIPT) == "true"
    try:
        with operation():
            if path == "enter":
                token = parse_qs(urlsplit(req.url).query).get("token", [""])[0]
                return _go(BASE, {"Set-Cookie": sessions.enter(token, req.url)})
            app = open_app()
            here = _page_address(req.url, req.method, path)
            person = sessions.person(req.headers, here, app.settings.api_access)
            found = await _answer(app, _asked(req, path, person), req.method)
    except SignInNeededError as error:
        if error.address and req.method == "GET" and not replaces_part:
            return _go(error.address)
        found = replace(notice_page(item, error, error.address), part=replaces_part)
    except AcpError as error:
        found = replace(notice_page(item, error), part=replaces_part)
    if isinstance(found, Goto):
        return _go(f"{BASE}/{found.path}")
    if isinstance(found, File):
        return await _download(found, req)
    return await _page(found, req, person)


def notice_page(item: str, error: AcpError, sign_in: str | None = None) -> Page:
    """Return the page for an error: what happened, and that nothing was done."""
    status = status_of(error)
    return Page(status.phrase, item, notice(status.phrase, str(error), sign_in), status)


async def _answer(app: "App", asked: Asked, method: str) -> Page | Goto | File:
    """Return what a handler answers; where a form did nothing, its page as it is now, which says why."""
    route = _route(method, asked)
    try:
        return await _handler(route.module, route.name)(app, asked)
    except AcpError as error:
        if not route.again:
            raise
        faults = error.faults if isinstance(error, FieldsError) else {}
        again = _handler(*route.again.split("."))
        page = await again(app, replace(asked, error=error, faults=faults))
        if not isinstance(page, Page):
            raise
        why = None if faults else refused(error)
        cause = error.cause if isinstance(error, FieldsError) and error.cause else error
        return replace(page, content=[why, page.content], status=status_of(cause))


def _page_address(url: str, method: str, path: str) -> str:
    """Return the address of the page to come back to after a sign-in: of a form, that on which it stands."""
    if method == "GET":
        return url
    page = "users" if path.startswith("users/move") else path.rpartition("/")[0]
    return urlsplit(url)._replace(path=f"{BASE}/{page}".rstrip("/"), query="").geturl()


def _asked(req: func.HttpRequest, path: str, person: Person) -> Asked:
    by = requester(req) if person.leave else RequestedBy(person.name)
    query = {name: values[0] for name, values in parse_qs(urlsplit(req.url).query).items()}
    parts = tuple(part for part in path.split("/") if part)
    if req.method == "GET":
        return Asked(person, by, parts, query)
    _check_origin(req)
    if not person.may_write:
        raise NotPermittedError(
            f"nothing was done: {person.name} may look, but not change anything. Ask for the app role "
            f"{Role.WRITE} in the app's Enterprise application, then sign in again",
            signed_in=True,
        )
    body = req.get_body()
    if len(body) > _LONGEST_FORM:
        raise TooLargeError(
            f"the form has {len(body):,} bytes; at most {_LONGEST_FORM:,} are taken"
        )
    kind = req.headers.get("Content-Type", "").partition(";")[0].strip().casefold()
    if kind != "application/x-www-form-urlencoded":
        raise InputError("Content-Type: application/x-www-form-urlencoded is needed")
    try:
        text = body.decode("utf-8", "replace")
        form = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise TooLargeError(f"the form has more than {_MOST_FIELDS:,} fields") from None
    asked = Asked(person, by, parts, query, form)
    if not 0 < len(asked.one("key")) <= _LONGEST_KEY:
        raise InputError(
            "key: this form was not made by the console; open its page and send it there"
        )
    return asked


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


def _route(method: str, asked: Asked) -> Route:
    for (verb, pattern), route in PAGES.items():
        parts = tuple(part for part in pattern.split("/") if part)
        if verb == method and len(parts) == len(asked.parts):
            pairs = zip(parts, asked.parts, strict=True)
            if all(wanted in ("*", given) for wanted, given in pairs):
                return route
    raise NoSuchItemError("the console has no such page")


def _handler(module: str, name: str) -> Handler:
    handler: Handler = getattr(import_module(f"functions.console.{module}"), name)
    return handler


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
    body = file.content
    if file.packed and "gzip" in req.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
    elif file.packed:
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
