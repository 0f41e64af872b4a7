"""`acp grant --app`: the app looks after its subscription and examines itself; here it is a stand-in."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.integration.cli.grant.world import GrantingWorld, served, serving

WELL = {"part": "graph", "verdict": "ok", "detail": "answers", "to_do": ""}
ILL = {"part": "graph", "verdict": "failed", "detail": "HTTP 403", "to_do": "run `acp grant`"}
KEPT = {"subscription": "s1", "expires": "2026-12-01T00:00:00Z"}


@dataclass
class StandIn:
    """An app that answers as told; the last answer of each kind repeats."""

    findings: list[list[dict[str, str]]] = field(default_factory=lambda: [[WELL]])
    subscription: list[tuple[int, object]] = field(default_factory=lambda: [(200, KEPT)])
    asked: list[str] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call below /api/."""
        if scope["type"] == "http":
            await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.url.path}")
        self.keys.add(request.headers.get("x-functions-key"))
        if request.url.path == "/api/subscription":
            status, body = _next(self.subscription)
            return JSONResponse(body, status)
        return JSONResponse({"findings": _next(self.findings)})


def _next[T](answers: list[T]) -> T:
    return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GrantingWorld]:
    """A tenant whose identity has no rights yet."""
    with serving(tmp_path) as world:
        yield world


@pytest.fixture
def app() -> StandIn:
    """An app that is well."""
    return StandIn()


def test_subscription_then_findings(world: GrantingWorld, app: StandIn) -> None:
    """Both calls carry the key, in that order, and the findings stand beside the steps."""
    with served(app) as url:
        ended = world.acp("--app", url, "--output", "json", ACP_APP_KEY="key")
    assert ended.status == 0, ended.err
    assert app.asked == ["POST /api/subscription", "GET /api/doctor"]
    assert app.keys == {"key"}
    rows = {row["part"]: row for row in ended.json}
    assert rows["change subscription"]["detail"] == "s1, until 2026-12-01T00:00:00Z"
    assert rows["graph"] == WELL
    assert "New rights reach the app with its next tokens" in ended.err


def test_waits_until_the_app_is_well(world: GrantingWorld, app: StandIn) -> None:
    """While something is failed it asks again, and says what it waits for."""
    app.findings = [[ILL], [WELL]]
    with served(app) as url:
        ended = world.acp("--app", url, "--wait", "30", "--output", "json")
    assert ended.status == 0
    assert "not ok yet: graph" in ended.err
    assert len(app.asked) == 4


def test_does_not_wait_for_ever(world: GrantingWorld, app: StandIn) -> None:
    """When the time is up it tells what is failed, and ends with 1; the rights stay."""
    app.findings = [[ILL]]
    app.subscription = [(409, {"detail": "no address"})]
    with served(app) as url:
        ended = world.acp("--app", url, "--wait", "0", "--output", "json")
    assert ended.status == 1
    rows = {row["part"]: row for row in ended.json}
    assert rows["graph"] == ILL
    assert rows["change subscription"]["detail"] == "the app says: no address"
    assert world.rights == (["User.Read.All"], ["Teams Administrator"])


def test_a_wrong_key(world: GrantingWorld, app: StandIn) -> None:
    """Status 3 at once, for waiting would not help; the steps are told all the same."""
    app.subscription = [(401, {})]
    with served(app) as url:
        ended = world.acp("--app", url, "--output", "json")
    assert ended.status == 3
    assert "set ACP_APP_KEY" in ended.err
    assert len(json.loads(ended.out)) == 2
    assert app.asked == ["POST /api/subscription"]


def test_what_if_does_not_call_the_app(world: GrantingWorld, app: StandIn) -> None:
    """It only tells that the app would be asked."""
    with served(app) as url:
        ended = world.acp("--app", url, "--what-if")
    assert ended.status == 0
    assert "change subscription" in ended.out
    assert app.asked == []


def test_no_key_over_the_open_network(world: GrantingWorld) -> None:
    """An address without TLS gets no key, and this is told before anything is changed."""
    ended = world.acp("--app", "http://app.example", "--wait", "0")
    assert (ended.status, world.writes) == (2, 0)
    assert "an https:// address is needed" in ended.err
