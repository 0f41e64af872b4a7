"""Asking the questions of a probe: one after the other, each once or twice, and only reading."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from cli.errors import CommandError
from cli.probe.file import Answered, Continuation, Form, Trouble
from cli.probe.names import CONTINUATIONS, HEADERS, MEDIA_TYPES, UNLISTED, VERBS
from cli.probe.questions import NOBODY, Question, questions
from cli.probe.shape import Shape, format_of
from cli.probe.transport import ReadOnlyTransport
from shared.clients import wire
from shared.clients.identity import TokenSource
from shared.clients.reading import LongBodyError, read
from shared.clients.values import read_json
from shared.errors import ServiceError
from shared.settings.settings import Settings

_TEAMS_HEADERS: Final = ("X-MS-Target-Uri", "X-MS-Forest", "X-MS-CmdletName", "X-MS-Correlation-Id")
_LETTERS: Final = {name.casefold().replace(".", ""): name for name in CONTINUATIONS}


class Prober:
    """Asks a tenant. group: object id of a group, or None: then that there is none is assumed."""

    def __init__(
        self,
        settings: Settings,
        tokens: TokenSource,
        group: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        cloud = wire.CLOUDS[settings.cloud]
        self._graph = httpx.URL(str(settings.graph_url or cloud.graph))
        self._teams = httpx.URL(str(settings.teams_url or cloud.teams))
        self._audiences = {True: wire.TEAMS_AUDIENCE, False: cloud.graph_audience}
        self._tokens = tokens
        self._samples = {"nobody": NOBODY, "group": group or NOBODY}
        self._discovered: Mapping[str, str] = {}
        inner = transport or httpx.AsyncHTTPTransport()
        self._http = httpx.AsyncClient(
            transport=ReadOnlyTransport(inner), timeout=settings.request_timeout, trust_env=False
        )

    async def probe(self, on_question: Callable[[Question], None]) -> dict[str, Answered]:
        """Return the answer to each question by its key."""
        found: dict[str, Answered] = {}
        async with self._http:
            for question in questions():
                on_question(question)
                found[question.key] = await self._answer(question, question.path)
                if question.otherwise:
                    key = f"{question.key} otherwise"
                    found[key] = await self._answer(question, question.otherwise)
        return found

    async def _answer(self, question: Question, path: str) -> Answered:
        try:
            path = self._fill(path or question.call.template, question.ids)
        except KeyError:
            return Answered(trouble="not asked")
        if question.batched:
            return await self._inside_batch(question, path)
        origin = self._teams if question.teams else self._graph
        answered, content = await self._ask(question, origin.join(path), question.params)
        self._learn(question, content)
        if question.listing and answered.shape:
            answered.continuation = await self._go_on(question, origin.join(path), content)
        return answered

    async def _inside_batch(self, question: Question, path: str) -> Answered:
        query = urlencode(question.params, safe="$,", quote_via=quote)
        request: dict[str, Any] = {
            "id": "0",
            "method": "GET" if question.call is wire.BATCH else question.call.method,
            "url": path.removeprefix("/v1.0") + (f"?{query}" if query else ""),
            "headers": dict(question.headers),
        }
        if question.body:
            request["headers"]["Content-Type"] = "application/json"
            request["body"] = {name: [self._samples["group"]] for name in question.body}
        answered, content = await self._ask(
            question, self._graph.join(wire.BATCH.path()), {}, {"requests": [request]}
        )
        if question.call is wire.BATCH:
            return answered
        responses = content.get("responses") if isinstance(content, dict) else None
        inner = responses[0] if isinstance(responses, list) and responses else None
        if answered.status != httpx.codes.OK or not isinstance(inner, dict):
            return answered
        status, headers = inner.get("status"), inner.get("headers")
        return Answered(
            status=status if isinstance(status, int) and 0 <= status < 1000 else 0,  # noqa: PLR2004
            headers=_headers(headers.items() if isinstance(headers, dict) else ()),
            shape=Shape.of(inner.get("body")),
        )

    async def _ask(
        self,
        question: Question,
        url: httpx.URL,
        params: Mapping[str, str],
        body: object = None,
    ) -> tuple[Answered, Any]:
        """Return an answer, and the content for what has to be asked next; it is written nowhere."""
        try:
            token = await self._tokens.token(self._audiences[question.teams])
        except (ServiceError, CommandError):
            return Answered(trouble="no token"), None
        headers = {**question.headers, "Authorization": f"Bearer {token}"}
        headers |= {"Accept-Encoding": "gzip"}
        if question.teams:
            headers |= dict.fromkeys(_TEAMS_HEADERS, NOBODY) | dict(self._discovered)
        verb = "GET" if body is None else "POST"
        # None keeps the parameters of a link; {} would remove them.
        request = self._http.build_request(
            verb, url, params=dict(params) or None, headers=headers, json=body
        )
        try:
            answer = await self._http.send(request, stream=True)
            content = await read(answer)
        except LongBodyError:
            return Answered(trouble="too long"), None
        except (httpx.HTTPError, OSError):
            return Answered(trouble="no answer"), None
        trouble: Trouble = ""
        value: Any = None
        try:
            value = read_json(content) if content.strip() else None
        except ValueError:
            trouble = "not JSON"
        return Answered(
            status=answer.status_code,
            trouble=trouble,
            headers=_headers(answer.headers.items()),
            shape=Shape.of(value) if value is not None else None,
        ), value

    async def _go_on(self, question: Question, first: httpx.URL, content: Any) -> Continuation:
        """Read the second page, if there is one, and say how the first one names it."""
        name, given = _continuation(content)
        if given is None:
            return Continuation(pages=1)
        form, url = _form_of(first, given)
        found = Continuation(name=name, form=form, pages=1)
        if url is not None:
            params = {} if url != first else {**question.params, "skiptoken": str(given)}
            answered, _ = await self._ask(question, url, params)
            found.second = answered.status
            found.pages += answered.status == httpx.codes.OK
        return found

    def _fill(self, path: str, ids: Mapping[str, str]) -> str:
        """Return a path with its samples; KeyError: one of them was not found."""
        if path.startswith("/users/{user}"):
            return path.format(user=self._samples["user"])
        return path.format(**{name: self._samples[what] for name, what in ids.items()})

    def _learn(self, question: Question, content: Any) -> None:
        """Keep the ids that later questions need, in memory."""
        if question.call is wire.LIST_USERS:
            self._keep("user", content, "value", "id")
        elif question.call is wire.LIST_TEAMS_USERS:
            self._keep("teams user", content, "users", "objectId")
            self._samples.setdefault("teams user", self._samples.get("user", NOBODY))
        elif question.call is wire.DISCOVER and isinstance(content, dict):
            host = _text(content, "Endpoints", "AdminServiceEndpoint")
            forest = _text(content, "Headers", "X-MS-Forest")
            cmdlet = {"X-MS-CmdletName": "Get-CsOnlineUser"}
            known = {"X-MS-Target-Uri": f"https://{host}/", "X-MS-Forest": forest}
            self._discovered = {**cmdlet, **(known if host and forest else {})}

    def _keep(self, sample: str, content: Any, rows: str, field: str) -> None:
        some = content.get(rows) if isinstance(content, dict) else None
        for each in some if isinstance(some, list) else ():
            value = each.get(field) if isinstance(each, dict) else None
            if isinstance(value, str) and format_of(value) == "GUID":
                self._samples[sample] = value
                return


def _text(content: Mapping[str, Any], part: str, name: str) -> str:
    inner = content.get(part)
    value = inner.get(name) if isinstance(inner, dict) else None
    plain = isinstance(value, str) and value.isascii() and value.isprintable()
    return str(value) if plain else ""


def _continuation(content: Any) -> tuple[Any, Any]:
    """Return the listed name (or `<unlisted>`) of where the next page is, and what it says; None: nothing."""
    for name, value in content.items() if isinstance(content, dict) else ():
        letters = name.casefold().replace(".", "").replace("_", "")
        if letters in _LETTERS and value not in (None, ""):
            return (name if name in CONTINUATIONS else UNLISTED), value
    return "", None


def _form_of(first: httpx.URL, given: object) -> tuple[Form, httpx.URL | None]:
    """Return the form of a continuation and the address to read; None: it must not be read."""
    if not isinstance(given, str):
        return "no text", None
    if "://" not in given and not given.startswith("/"):
        return "token", first
    try:
        url = first.join(given)
    except httpx.InvalidURL:
        return "no text", None
    same = (url.scheme, url.host, url.port) == (first.scheme, first.host, first.port)
    if not same or url.userinfo:
        return "address of another host", None
    return ("web address" if "://" in given else "path"), url


def _headers(given: Iterator[tuple[Any, Any]] | Any) -> dict[str, str]:
    """Return the forms of the headers on the list, and how many others there are."""
    found: dict[str, str] = {}
    others = 0
    for name, value in given:
        key, text = str(name).casefold(), str(value)
        if key not in HEADERS:
            others += 1
        elif key == "allow":
            verbs = [verb.strip().upper() for verb in text.split(",")]
            found[key] = ", ".join(verb if verb in VERBS else UNLISTED for verb in verbs)
        elif key == "content-type":
            media = text.partition(";")[0].strip().casefold()
            found[key] = media if media in MEDIA_TYPES else UNLISTED
        else:
            found[key] = format_of(text)
    return found | ({UNLISTED: str(others)} if others else {})
