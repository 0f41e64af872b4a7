import pytest

from cli.main import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["host", "--port", "99999"], "error: Invalid value for '--port': '99999' is not"),
        (["host", "--port", "abc"], "error: Invalid value for '--port': 'abc' is not"),
        (["storage", "--queue-port", "-1"], "error: Invalid value for '--queue-port': '-1'"),
        (["tenant", "--users", "0"], "error: Invalid value for '--users': '0' is not"),
        (["tenant", "--lag", "nan"], "error: Invalid value for '--lag': 'nan' is not"),
        (["host", "--root", "no/such/folder"], "error: Invalid value for '--root'"),
        (["host", "--nosuch"], "error: No such option: --nosuch"),
        (["demo", "--users", "0"], "error: Invalid value for '--users': '0' is not"),
        (["demo", "--seed", "x"], "error: Invalid value for '--seed': 'x' is not"),
        (["demo", "--json", "no/such/file"], "error: Invalid value for '--json': 'no/such/file'"),
        (["demo", "--json", "."], "error: Invalid value for '--json': '.' is a folder"),
        (["nosuch"], "error: No such command 'nosuch'"),
    ],
)
def test_bad_options_are_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option is one line that names it and its value, and the status is 2."""
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_the_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments, as with --help, the commands are shown."""
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("demo", "storage", "tenant", "host"))


@pytest.mark.parametrize("command", ["storage", "tenant", "host"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command explains itself."""
    assert run([command, "--help"]) == 0
    assert "ready" in capsys.readouterr().out


def test_the_demo_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what it shows, and what its exit status means."""
    assert run(["demo", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("--users", "--seed", "--json", "--keep", "Ends with 0"))
