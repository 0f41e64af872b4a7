"""What every form answers to bad input: nothing is done, the page says why, and keeps what was typed."""

from collections.abc import AsyncIterator

import pytest

from functions.console.door import PAGES
from functions.console.parts import NOBODY
from functions.console.session import Sessions
from local.azurite.server import Azurite
from tests.integration.functions.console.desk import OPEN, Desk, open_desk
from tests.integration.functions.console.forms import FORMS, Form

WITH_REASONS = [name for name, form in FORMS.items() if form.reasons]
WITH_SELECTION = [name for name, form in FORMS.items() if form.selects]
LONG = "because " * 100
SAME = {"Sec-Fetch-Site": "same-origin"}
FOREIGN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]


@pytest.fixture(params=FORMS)
async def form(request: pytest.FixtureRequest, shared_desk: Desk) -> AsyncIterator[Form]:
    """Each form, where it stands."""
    chosen = FORMS[request.param]
    if chosen.before:
        await chosen.before(shared_desk)
    yield chosen
    if chosen.after:
        await chosen.after(shared_desk)


def test_every_form_is_in_the_table() -> None:
    """A new one is tested like the others."""
    assert set(FORMS) == {path for verb, path in PAGES if verb == "POST"}


@pytest.mark.parametrize("form", WITH_REASONS, indirect=True)
async def test_a_reason_that_is_too_long_stands_next_to_its_field(
    shared_desk: Desk, form: Form
) -> None:
    """So does a ticket that steers a terminal; both stay as they were typed, and nothing is done."""
    sent = await form.filled(shared_desk, note=LONG, ticket="INC\x1b[2J")
    before = await shared_desk.done()
    found = await shared_desk.post(form.at(shared_desk, form.action), sent)
    assert found.status == 400
    assert "note: it has 799 characters; at most 500 are taken" in str(
        found.fault(f"{form.reasons}-note")
    )
    assert "characters that cannot be shown" in str(found.fault(f"{form.reasons}-ticket"))
    assert found.value(f"{form.reasons}-note") == LONG.strip()
    assert found.value(f"{form.reasons}-ticket") == "INC\x1b[2J"
    assert await shared_desk.done() == before
    # What was right stays, too, and the same form with a reason that fits may be sent from here.
    again = found.hidden(form.at(shared_desk, form.stands or form.action))
    assert {n: v for n, v in again.items() if n != "key"} == {
        n: v for n, v in sent.items() if n in again and n != "key"
    }


@pytest.mark.parametrize("form", WITH_SELECTION, indirect=True)
async def test_nobody_is_selected(shared_desk: Desk, form: Form) -> None:
    """The page says so next to the table, and a reason that was typed stays."""
    sent = await form.filled(shared_desk, note="a wrong list")
    sent = {name: value for name, value in sent.items() if name not in ("user", "which")}
    before = await shared_desk.done()
    found = await shared_desk.post(form.at(shared_desk, form.action), sent)
    assert (found.status, found.fault("user")) == (400, NOBODY)
    if form.reasons:
        assert found.value(f"{form.reasons}-note") == "a wrong list"
    assert await shared_desk.done() == before


@pytest.mark.parametrize("form", [n for n in WITH_SELECTION if n.startswith("runs")], indirect=True)
async def test_who_was_selected_stays_selected(shared_desk: Desk, form: Form) -> None:
    """When the reason is wrong."""
    user = shared_desk.user("third_party")["id"]
    sent = {**await form.filled(shared_desk, note=LONG), "which": "selected", "user": user}
    found = await shared_desk.post(form.action, sent)
    assert found.status == 400
    assert found.text.count(" checked") == 1
    assert f'value="{user}" checked' in found.text


async def test_a_pause_without_a_reason(shared_desk: Desk) -> None:
    """It is the one form whose reason is needed."""
    found = await shared_desk.post("pause", {"note": " ", "ticket": "INC1"})
    assert (found.status, found.value("pause-ticket")) == (400, "INC1")
    assert "Write why" in str(found.fault("pause-note"))
    assert await shared_desk.app.pauses.current() is None


async def test_fields_of_a_user_s_page(shared_desk: Desk) -> None:
    """Each wrong field is named, all at once, and what was chosen stays."""
    form = FORMS["users/*/save"]
    wrong = {"provider": "BT", "toll": "+15550100", "toll_free": "+15550101", "note": LONG}
    sent = await form.filled(shared_desk, **wrong, mail="yes")
    before = await shared_desk.done()
    found = await shared_desk.post(form.at(shared_desk, form.action), sent)
    assert found.status == 400
    assert found.fault("provider") == "'BT' cannot be chosen, only Microsoft."
    for name in ("toll", "toll_free"):
        assert f"'{wrong[name]}' is on no bridge" in str(found.fault(name))
        assert f'<option value="{wrong[name]}" selected>' in found.text
    assert found.fault("save-note")
    assert 'id="mail" type="checkbox" name="mail" value="yes" checked' in found.text
    assert await shared_desk.done() == before


@pytest.mark.parametrize(
    ("name", "said", "status"),
    [
        ("nobody@contoso.example", "does not know such a user", 404),
        ("", "", 400),
        ("a" * 2_000, "", 400),
        ("<img src=x onerror=alert(1)>", "&lt;img", 400),
    ],
)
async def test_a_user_who_is_not_found(
    shared_desk: Desk, name: str, said: str, status: int
) -> None:
    """The overview says it next to the field, which keeps what was typed."""
    found = await shared_desk.send("GET", f"user?name={name.replace(' ', '+')}")
    assert found.status == status
    assert found.fault("name")
    assert said in found.text
    assert "<img" not in found.text
    assert found.value("name") == name


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("country=Germany", "country", "Two letters are needed"),
        (f"search={'a' * 300}", "search", "300 characters are too many"),
        (f"provider={'b' * 300}", "provider", "at most 200"),
        (f"department={'c' * 300}", "department", "at most 200"),
    ],
)
async def test_a_filter_that_is_wrong(shared_desk: Desk, query: str, field: str, said: str) -> None:
    """Said next to the field, which keeps what was typed; the list is shown without it."""
    found = await shared_desk.get(f"users?{query}")
    assert found.status == 400
    assert said in str(found.fault(field))
    assert found.value(field) == query.partition("=")[2]
    assert "users in all" in found.text


async def test_a_list_that_does_not_exist(shared_desk: Desk) -> None:
    """A bad parameter is answered with what there is."""
    found = await shared_desk.get("users?list=nonsense")
    assert found.status == 400
    assert "there are ready, waiting" in found.text


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_form_of_another_origin(shared_desk: Desk, headers: dict[str, str]) -> None:
    """Any form, even with the session's cookie: a page that says so, and nothing is done."""
    before = await shared_desk.done()
    for form in FORMS.values():
        found = await shared_desk.post(form.at(shared_desk, form.action), {}, headers)
        assert (found.status, "nothing was done" in found.text) == (403, True), form
    assert await shared_desk.done() == before


async def test_a_form_without_its_key(shared_desk: Desk) -> None:
    """Nobody but a page of the console makes a form; a key that is missing or endless is refused."""
    before = await shared_desk.done()
    for form in FORMS.values():
        for key in ("", "k" * 201):
            found = await shared_desk.post(form.at(shared_desk, form.action), {"key": key})
            assert (found.status, "open its page and send it there" in found.text) == (400, True)
    assert await shared_desk.done() == before


async def test_a_session_that_has_ended(shared_desk: Desk, form: Form) -> None:
    """The form does nothing, and the page says how to come back."""
    sent = await form.filled(shared_desk)
    before = await shared_desk.done()
    found = await shared_desk.post(
        form.at(shared_desk, form.action), sent, {**SAME, "Cookie": "__Host-acp-console=x"}
    )
    assert (found.status, len(found.alerts)) == (401, 1)
    assert "This session has ended" in found.alerts[0]
    assert await shared_desk.done() == before


async def test_a_session_that_ends_while_a_page_looks_for_progress(
    shared_desk: Desk, azure: Desk
) -> None:
    """The part that is updated says so, and how to come back; there is no page within the page."""
    azure.headers = {}
    script = {"HX-Request": "true", "Cookie": "none"}
    for desk, says in ((shared_desk, "This session has ended"), (azure, "Sign in again")):
        found = await desk.get(f"runs/{OPEN}/progress", **script)
        assert (found.status, says in found.text, "<html" in found.text) == (401, True, False)
        assert "hx-get" not in found.text


def _principal(*roles: str) -> dict[str, str]:
    """The header that the platform writes."""
    import base64  # noqa: PLC0415
    import json  # noqa: PLC0415

    claims = [{"typ": "roles", "val": role} for role in roles]
    claims.append({"typ": "preferred_username", "val": "ada@contoso.example"})
    text = json.dumps({"role_typ": "roles", "claims": claims})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(text.encode()).decode()}


@pytest.fixture(scope="module")
async def azure(azurite_server: Azurite) -> AsyncIterator[Desk]:
    """A console where the platform signs people in."""
    connection = azurite_server.connection_string
    async with open_desk(connection, ACP_API_ACCESS="entra") as desk:
        desk.sessions = Sessions({"WEBSITE_AUTH_ENABLED": "true"})
        yield await desk.fill()


async def test_a_missing_role(azure: Desk) -> None:
    """Who may only look: any form is refused with what to ask for, and no page offers one."""
    azure.headers = _principal("Conferencing.Read")
    before = await azure.done()
    for form in FORMS.values():
        found = await azure.post(form.at(azure, form.action), {})
        assert found.status == 403
        assert "Ask for the app role Conferencing.Write" in found.alerts[0]
        page = await azure.get(form.at(azure, form.page.removesuffix("/move")))
        assert page.status == 200
        assert '<button type="submit" class="primary"' not in page.text
    assert await azure.done() == before


async def test_a_sign_in_that_has_ended(azure: Desk) -> None:
    """A form leads to the sign-in, and from there back to the page on which it stands."""
    azure.headers = {}
    backs = {
        "users/move": "/users",
        "users/move/begin": "/users",
        "pause": "",
        "resume": "",
        "attention/retry": "/attention",
        "attention/acknowledge": "/attention",
    }
    for name, form in FORMS.items():
        found = await azure.post(form.at(azure, form.action), {})
        assert (found.status, "sign in" in found.alerts[0]) == (401, True)
        back = backs.get(name, f"/{form.at(azure, form.page)}")
        assert f'href="/.auth/login/aad?post_login_redirect_uri=/api/console{back}"' in found.text


@pytest.mark.parametrize(
    "form", [name for name, each in FORMS.items() if each.needs_teams], indirect=True
)
async def test_teams_is_away(shared_desk: Desk, form: Form) -> None:
    """Refused with the reason; the page shows what was last seen, and when, and offers no action."""
    sent = await form.filled(shared_desk)
    before = await shared_desk.done()
    await shared_desk.faults(services=["teams"], errors_503=1.0)
    try:
        found = await shared_desk.post(form.at(shared_desk, form.action), sent)
    finally:
        await shared_desk.faults()
    assert found.status == 503
    assert "Teams: " in found.alerts[0]
    assert "2 hours ago" in found.text
    assert not found.has_form("users/move/begin")
    assert not found.has_form(form.at(shared_desk, form.action))
    assert await shared_desk.done() == before


async def test_a_retry_while_teams_is_away(shared_desk: Desk) -> None:
    """Nobody fails again for it: refused with the reason, and what was typed stays."""
    form = FORMS["runs/*/retry"]
    sent = await form.filled(shared_desk, note="cured")
    before = await shared_desk.done()
    await shared_desk.faults(services=["teams"], errors_503=1.0)
    try:
        found = await shared_desk.post(form.action, sent)
    finally:
        await shared_desk.faults()
    assert (found.status, found.value("retry-note")) == (503, "cured")
    assert "Teams: " in found.alerts[0]
    assert await shared_desk.done() == before


@pytest.mark.parametrize("name", ["runs/*/release", "runs/*/cancel", "pause"])
async def test_what_needs_no_teams_works_without_it(desk: Desk, name: str) -> None:
    """Decisions and the pause are the app's own: above all one can stop."""
    await desk.faults(services=["teams", "graph"], errors_503=1.0)
    form = FORMS[name]
    assert (await desk.post(form.action, await form.filled(desk))).status == 303


async def test_graph_is_away(shared_desk: Desk) -> None:
    """Who looks for a user is told next to the field that Graph does not answer."""
    await shared_desk.faults(services=["graph"], errors_503=1.0)
    try:
        found = await shared_desk.get("user?name=adele@contoso.example")
    finally:
        await shared_desk.faults()
    assert (found.status, found.value("name")) == (503, "adele@contoso.example")
    assert "Graph: " in str(found.fault("name"))
