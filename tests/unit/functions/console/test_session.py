"""Who may see the console: people whom the platform signed in, or one browser on this machine."""

import base64
import json

import pytest

from functions.console.session import COOKIE, TOKEN, Person, Sessions, SignInNeededError
from shared.errors import NotPermittedError, SettingsError
from shared.settings.settings import ApiAccess

SECRET = "s" * 40
HERE = "http://127.0.0.1:7071/api/console/users"
AZURE = "https://acp.azurewebsites.net/api/console/users"
LEAVE = "/.auth/logout?post_logout_redirect_uri=/api/console"
LOCAL = {TOKEN: SECRET, "USER": "ada"}


def principal(*roles: str, name: str = "ada@contoso.example") -> dict[str, str]:
    """The header that the platform writes."""
    claims = [{"typ": "roles", "val": role} for role in roles]
    claims.append({"typ": "preferred_username", "val": name})
    text = json.dumps({"role_typ": "roles", "claims": claims})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(text.encode()).decode()}


def signed_in(*roles: str) -> Person:
    """Who the console thinks it is, in Azure."""
    sessions = Sessions({"WEBSITE_AUTH_ENABLED": "true"})
    return sessions.person(principal(*roles), AZURE, ApiAccess.ENTRA)


def test_the_platform_says_who_it_is_and_the_roles_what_they_may_do() -> None:
    """Readers see, writers act too; the name goes into what they do."""
    assert signed_in("Conferencing.Read") == Person(
        "ada@contoso.example", may_write=False, leave=LEAVE
    )
    assert signed_in("Conferencing.Write") == Person(
        "ada@contoso.example", may_write=True, leave=LEAVE
    )
    with pytest.raises(NotPermittedError, match=r"ada@contoso\.example is signed in, but has neit"):
        signed_in("Other.Role")


@pytest.mark.parametrize(
    ("headers", "environment"),
    [
        ({}, {"WEBSITE_AUTH_ENABLED": "true"}),
        (principal("Conferencing.Write"), {}),
        ({"X-MS-CLIENT-PRINCIPAL": "%%%"}, {"WEBSITE_AUTH_ENABLED": "true"}),
        ({"Cookie": f"{COOKIE}=x"}, {"WEBSITE_AUTH_ENABLED": "true", TOKEN: SECRET}),
    ],
)
def test_who_is_not_signed_in_is_sent_to_the_sign_in(
    headers: dict[str, str], environment: dict[str, str]
) -> None:
    """A header that anybody can forge, and a local token, open nothing where people sign in."""
    with pytest.raises(SignInNeededError) as error:
        Sessions(environment).person(headers, AZURE, ApiAccess.ENTRA)
    assert error.value.address == "/.auth/login/aad?post_login_redirect_uri=/api/console/users"


def test_where_keys_open_the_api_the_console_is_off() -> None:
    """It says so, and how to turn it on."""
    with pytest.raises(SignInNeededError, match="Turn on sign-in with Entra") as error:
        Sessions({}).person(principal("Conferencing.Write"), AZURE, ApiAccess.KEY)
    assert error.value.address is None


def test_the_printed_address_opens_one_session_once() -> None:
    """The token becomes a cookie that no script and no other site can use; then it is spent."""
    sessions = Sessions(LOCAL)
    cookie = sessions.enter(SECRET, HERE)
    value, *marks = cookie.split("; ")
    assert marks == ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"]
    assert SECRET not in cookie
    assert sessions.person({"Cookie": value}, HERE, ApiAccess.KEY) == Person("ada", may_write=True)
    with pytest.raises(SignInNeededError, match="was used before"):
        sessions.enter(SECRET, HERE)
    for other in ("", f"{COOKIE}=", f"{COOKIE}={'0' * 64}", value + "0"):
        with pytest.raises(SignInNeededError, match="session has ended"):
            sessions.person({"Cookie": other}, HERE, ApiAccess.KEY)


@pytest.mark.parametrize("token", ["", "s", "S" * 40, SECRET + "s", "ü" * 40])
def test_a_wrong_token_opens_nothing_and_spends_nothing(token: str) -> None:
    """After any number of wrong ones the right one still opens."""
    sessions = Sessions(LOCAL)
    with pytest.raises(SignInNeededError):
        sessions.enter(token, HERE)
    assert sessions.enter(SECRET, HERE)


@pytest.mark.parametrize("mark", ["WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME"])
def test_a_local_token_is_refused_in_azure(mark: str) -> None:
    """A setting that somebody copied there does not become a way in."""
    sessions = Sessions({**LOCAL, mark: "x"})
    with pytest.raises(SettingsError, match="opens nothing in Azure"):
        sessions.enter(SECRET, HERE)
    with pytest.raises(SettingsError, match="opens nothing in Azure"):
        sessions.person({"Cookie": f"{COOKIE}=x"}, HERE, ApiAccess.KEY)


@pytest.mark.parametrize("host", ["192.0.2.7", "acp.example", "127.0.0.1.evil.example"])
def test_a_local_console_is_open_on_this_machine_only(host: str) -> None:
    """Not by another address of it either, so that no name that points here helps a page elsewhere."""
    with pytest.raises(SignInNeededError, match="on this machine only"):
        Sessions(LOCAL).enter(SECRET, f"http://{host}:7071/api/console/enter")


def test_a_short_token_is_refused() -> None:
    """A token that can be guessed is an error of who set it."""
    with pytest.raises(SettingsError, match="at least 32 characters"):
        Sessions({TOKEN: "short"}).enter("short", HERE)
