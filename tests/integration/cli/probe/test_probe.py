"""A probe of the simulated tenant: it only reads, writes no value, and sees what is otherwise."""

import re
from typing import Any

import httpx
import pytest

from cli.probe.check import Verdict, check
from cli.probe.file import ProbeFile
from cli.probe.questions import Question, questions, reads
from cli.probe.shape import Shape
from local.tenant.options import TenantOptions
from shared.clients import wire
from tests.integration.cli.probe.world import ORIGIN, ProbedTenant

QUESTIONS = {question.key: question for question in questions()}


async def test_the_simulated_tenant_is_as_assumed() -> None:
    """Every call that reads is asked, nothing else is sent, and every row of the file is as assumed."""
    tenant = ProbedTenant()
    await tenant.make_group()
    file = await tenant.probe()
    assert {question.call for question in QUESTIONS.values()} == {
        call for call in wire.CALLS if reads(call)
    }
    assert {each.verdict for each in check(file)} == {Verdict.AS_ASSUMED}, list(check(file))
    assert {request.method for request in tenant.requests if request.method != "GET"} == {"POST"}
    posts = {request.url.path for request in tenant.requests if request.method == "POST"}
    assert posts == {"/v1.0/$batch"}
    calls = [(request.method, str(request.url), request.content) for request in tenant.requests]
    assert len(calls) == len(set(calls))


async def test_a_tenant_without_rights_and_without_groups() -> None:
    """What is not permitted is told from what differs; a group that nobody has is assumed not to be."""
    bare = ProbedTenant(TenantOptions(users=30, seed=3, enforce_permissions=True))
    verdicts = {each.call: each.verdict for each in check(await bare.probe())}
    assert verdicts[str(wire.LIST_USERS)] is Verdict.NOT_ALLOWED
    assert verdicts[str(wire.BATCH)] is Verdict.NOT_ASKED
    assert verdicts[str(wire.LIST_TEAMS_USERS)] is Verdict.NOT_ALLOWED
    assert Verdict.DIFFERS not in verdicts.values()
    assert {each.verdict for each in check(await ProbedTenant().probe())} == {Verdict.AS_ASSUMED}


async def test_a_tenant_that_does_not_report_providers_is_as_assumed_with_a_note() -> None:
    """Without acpInfo the parsers go on; the row says what that means."""
    tenant = ProbedTenant(spoil=lambda _, status, content: (status, _without(content), {}))
    found = {each.call: each for each in check(await tenant.probe())}
    for call in (wire.LIST_TEAMS_USERS, wire.GET_TEAMS_USER):
        assert found[str(call)].verdict is Verdict.AS_ASSUMED
        assert "providers are not reported" in found[str(call)].detail


def _without(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _without(value) for name, value in content.items() if name != "acpInfo"}
    return [_without(each) for each in content] if isinstance(content, list) else content


@pytest.mark.parametrize("where", ["answers", "errors", "links", "batches"])
async def test_a_file_has_no_value_of_the_tenant(where: str) -> None:
    """Values as keys, in headers, links and error texts of every answer, also inside batches: none is in
    the file."""
    tenant = ProbedTenant()
    await tenant.make_group()
    user = tenant.app.state.tenant.directory.users[5]
    secrets = _secrets(tenant)
    headers = {
        "Retry-After": user.display_name.encode("ascii", "replace").decode(),
        "Allow": f"GET, {user.upn}",
        "Content-Type": f"{user.upn}/{user.id}; charset={user.id}",
        "Location": f"{ORIGIN}/{user.upn}",
        "Link": user.id,
        "WWW-Authenticate": f'Bearer realm="{user.id}", claims="{user.upn}"',
        "X-MS-Forest": user.upn,
        user.id: user.upn,
    }
    error = {"code": user.id, "message": f"no {user.display_name}", user.upn: user.id}
    link = f"{ORIGIN}/{user.upn}?$skiptoken={user.id}"

    def spoil(request: httpx.Request, status: int, content: Any) -> tuple[int, Any, dict[str, str]]:
        if where == "errors" or request.url.path.startswith("/Teams.Cpc"):
            return 400, {"error": error, **error}, headers
        if where == "links" and isinstance(content, dict):
            named = dict.fromkeys(("NextLink", "@odata.nextLink", "skipToken", user.upn), link)
            return status, {**content, **named, "@odata.deltaLink": link}, headers
        if where == "batches" and isinstance(content, dict) and "responses" in content:
            inner = {"id": user.id, "status": 400, "headers": headers, "body": {"error": error}}
            return status, {"responses": [inner, {user.id: inner}], user.upn: user.id}, headers
        return status, _seeded(content, user.id, user.upn), headers

    tenant.spoil = spoil
    text = (await tenant.probe()).model_dump_json(indent=1)
    assert len(secrets) > 300
    assert [secret for secret in secrets if secret in text] == []
    assert "<unlisted>" in text
    assert not re.search(r"https?://|@contoso|\d{5}", text)


def _secrets(tenant: ProbedTenant) -> set[str]:
    found = {tenant.options.tenant_id, str(tenant.group), tenant.app.state.tenant.app_id}
    for user in tenant.app.state.tenant.directory.users:
        found |= {user.id, user.upn, user.upn.partition("@")[0], user.display_name}
        for entry in user.entries:
            found |= {entry.toll_number, entry.passcode, entry.url, entry.toll_free_number or ""}
    for bridge in tenant.app.state.tenant.bridges:
        found |= {bridge.id, bridge.name, *(each.number for each in bridge.numbers)}
    return {each for each in found if len(each) > 1}


def _seeded(content: Any, key: str, value: str) -> Any:
    """The same with a value of the tenant as a further key of every object, and as its value."""
    if isinstance(content, dict):
        inner = {name: _seeded(each, key, value) for name, each in content.items()}
        return {**inner, key: value, value: {key: [value]}}
    if isinstance(content, list):
        return [_seeded(each, key, value) for each in content]
    return content


WRONG = ([[1.5]], {"renamed": 1}, 1.5, None)
"""What no parser takes where a field must be: of another type, another object, nothing."""


async def test_every_difference_that_matters_is_found() -> None:
    """Of each call: another status, and every field that must be there, gone or of another type."""
    tenant = ProbedTenant()
    await tenant.make_group()
    whole = await tenant.probe()
    missed: list[object] = []
    for key, question in QUESTIONS.items():
        rows = {name: row for name, row in whole.rows.items() if name.partition(" ")[0] == key}
        text = whole.model_copy(update={"rows": rows}).model_dump_json()
        for status in (204, 302, 400, 405, 410, 429, 500, 503):
            file = ProbeFile.model_validate_json(text)
            file.rows[key].status = status
            missed += [(key, status)] if _verdict(file, question) is not Verdict.DIFFERS else []
        for place in (place for place in question.expected if not place.endswith("?")):
            for wrong in (..., *WRONG):
                file = ProbeFile.model_validate_json(text)
                there = _put(file.rows[key].shape, _steps(place), wrong)
                found = _verdict(file, question) is Verdict.DIFFERS
                missed += [(key, place, wrong)] if there and not found else []
    assert missed == []


def _verdict(file: ProbeFile, question: Question) -> Verdict:
    return {each.call: each.verdict for each in check(file)}[str(question)]


def _steps(place: str) -> list[str]:
    named = place.replace("@odata.", "@odata/").replace("[]", ".[]").split(".")
    return [step.replace("/", ".") for step in named if step]


def _put(shape: Shape | None, steps: list[str], wrong: object) -> bool:
    """Put the shape of something wrong at a place, or take it away (`...`); whether there was one."""
    for step in steps[:-1]:
        shape = shape and (shape.items if step == "[]" else shape.fields.get(step))
    last = steps[-1]
    if shape is None or (shape.items is None if last == "[]" else last not in shape.fields):
        return False
    if last == "[]":
        # An array without elements is nothing to find fault with.
        shape.items = shape.items if wrong is ... else Shape.of(wrong)
        return wrong is not ...
    if wrong is ...:
        del shape.fields[last]
    else:
        shape.fields[last] = Shape.of(wrong)
    return True


@pytest.mark.parametrize("key", QUESTIONS)
async def test_one_difference_per_call_is_found(key: str) -> None:
    """A field of another name or a status of another kind: the row differs, and names the constant."""
    question = QUESTIONS[key]
    tenant = ProbedTenant()
    await tenant.make_group()

    def spoil(request: httpx.Request, status: int, content: Any) -> tuple[int, Any, dict[str, str]]:
        if not _is_answer_to(question, request):
            return status, content, {}
        if not question.expected:
            return 410, content, {}
        return status, _renamed(content, _field(question)), {}

    tenant.spoil = spoil
    found = {each.call: each for each in check(await tenant.probe())}
    assert found[str(question)].verdict is Verdict.DIFFERS
    assert found[str(question)].change == (
        question.model if question.expected else question.call_constant
    )


def _field(question: Question) -> str:
    """The last step of the first place that must be there."""
    place = next(place for place in question.expected if not place.endswith("?"))
    return place.rpartition(".")[2].removesuffix("[]")


def _is_answer_to(question: Question, request: httpx.Request) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[^/?]+", re.escape(question.call.template))
    if not question.batched:
        return re.fullmatch(pattern, request.url.path) is not None
    inner = re.escape(question.path).replace(r"\{user\}", "[^/?]+") if question.path else pattern
    wanted = inner.removeprefix("/v1\\.0").removeprefix("/v1.0")
    urls = re.findall(r'"url": ?"([^"?]+)', request.content.decode())
    return any(re.fullmatch(wanted, url) for url in urls)


def _renamed(content: Any, field: str) -> Any:
    if isinstance(content, dict):
        return {
            "renamed" if name == field else name: _renamed(value, field)
            for name, value in content.items()
        }
    return [_renamed(each, field) for each in content] if isinstance(content, list) else content


@pytest.mark.parametrize(
    ("link", "detail"),
    [
        (None, "a full page of 20 names no next page"),
        (
            "https://elsewhere.example/users",
            "the next page is in NextLink, as address of another host",
        ),
        (7, "the next page is in NextLink, as no text"),
        ("/Teams.User/none", "the second page: HTTP 404"),
    ],
)
async def test_a_listing_that_goes_on_otherwise_is_found(link: object, detail: str) -> None:
    """A continuation that is missing, foreign, no text, or leads nowhere; nothing is sent elsewhere."""

    def spoil(request: httpx.Request, status: int, content: Any) -> tuple[int, Any, dict[str, str]]:
        if request.url.path == "/Teams.User/users":
            content = {**content, "NextLink": link}
        return status, content, {}

    tenant = ProbedTenant(spoil=spoil)
    found = {each.call: each for each in check(await tenant.probe())}
    row = found[str(wire.LIST_TEAMS_USERS)]
    assert (row.verdict, row.detail) == (Verdict.DIFFERS, detail)
    assert {request.url.host for request in tenant.requests} == {"tenant.example"}


@pytest.mark.parametrize(("name", "form"), [("nextLink", "token"), ("skipToken", "token")])
async def test_other_continuations_that_the_parsers_take_are_as_assumed(
    name: str, form: str
) -> None:
    """A bare token under another name is read with the first page's parameters, and noted."""

    def spoil(request: httpx.Request, status: int, content: Any) -> tuple[int, Any, dict[str, str]]:
        if request.url.path == "/Teams.User/users":
            link = content.pop("NextLink", "")
            content[name] = httpx.URL(link).params.get("skiptoken", "") if link else None
        return status, content, {}

    found = {each.call: each for each in check(await ProbedTenant(spoil=spoil).probe())}
    row = found[str(wire.LIST_TEAMS_USERS)]
    assert (row.verdict, row.detail) == (Verdict.AS_ASSUMED, f"next page in {name}: {form}")


async def test_bridges_at_the_other_address_are_found() -> None:
    """With the slash 404, without it 200: the constant to change is the call's."""

    def spoil(request: httpx.Request, status: int, content: Any) -> tuple[int, Any, dict[str, str]]:
        slash = request.url.path == wire.LIST_BRIDGES.template
        return (404, {"code": "NotFound"}, {}) if slash else (status, content, {})

    found = {each.call: each for each in check(await ProbedTenant(spoil=spoil).probe())}
    row = found[str(wire.LIST_BRIDGES)]
    assert row.detail == "HTTP 404, but /Teams.Cpc/bridges answers 200"
    assert row.change == "shared/clients/wire.py: LIST_BRIDGES"


async def test_a_file_is_read_as_it_was_written() -> None:
    """The text of a file, without what is empty, is the same file again."""
    file = await ProbedTenant().probe()
    assert ProbeFile.model_validate_json(file.model_dump_json(exclude_defaults=True)) == file
