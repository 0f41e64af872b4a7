"""`acp console` opens a console that is there, and says what is wrong with any other address."""

import httpx
import pytest

from cli.console import show
from cli.errors import CommandError

APP = "https://acp.example/"
CONSOLE = "https://acp.example/api/console"


def app(status: int, location: str = "") -> httpx.MockTransport:
    """An app that answers so."""
    headers = {"Location": location} if location else {}
    return httpx.MockTransport(lambda _: httpx.Response(status, headers=headers))


SIGNS_IN = app(303, "/.auth/login/aad?post_login_redirect_uri=/api/console")


def test_opens_the_console_where_people_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    """The address is printed and opened; with --no-open it is printed alone."""
    opened: list[str] = []

    def open_browser(url: str) -> bool:
        opened.append(url)
        return True

    assert show(APP, open_browser, SIGNS_IN) == 0
    assert show(APP, None, SIGNS_IN) == 0
    assert opened == [CONSOLE]
    assert capsys.readouterr().out == f"{CONSOLE}\n" * 2


@pytest.mark.parametrize(
    ("transport", "said", "status"),
    [
        (app(401), "the console of this app is off", 2),
        (app(404), "is no console (HTTP 404)", 2),
        (app(200), "is no console (HTTP 200)", 2),
        (app(302, "https://evil.example/"), "is no console (HTTP 302)", 2),
    ],
)
def test_what_is_no_console(transport: httpx.MockTransport, said: str, status: int) -> None:
    """Nothing is opened."""
    with pytest.raises(CommandError) as error:
        show(APP, lambda _: pytest.fail("opened"), transport)
    assert said in str(error.value)
    assert error.value.status == status


def test_without_a_browser_the_address_is_still_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1 and what to do."""
    with pytest.raises(CommandError, match="open the address above"):
        show(APP, lambda _: False, SIGNS_IN)
    assert capsys.readouterr().out == f"{CONSOLE}\n"


def test_an_address_without_tls_is_refused() -> None:
    """A sign-in over plain HTTP is never begun, except on this machine."""
    with pytest.raises(CommandError, match="an https:// address is needed"):
        show("http://acp.example", None, SIGNS_IN)
