import subprocess
import sys
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local_extra import require_local
from cli.main import run
from shared import __version__
from shared.settings.settings import unknown_settings


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
        (["ready", "--outptu", "csv"], "error: No such option: --outptu; did you mean --output?"),
        (["ready", "--output", "xml"], "error: Invalid value for '--output': 'xml' is not one of"),
        (["ready", "--bom"], "error: --bom and --delimiter are for --output csv, not for table"),
        (
            ["ready", "--output", "csv", "--delimiter", "x"],
            "error: Invalid value for '--delimiter': 'x' is none of",
        ),
        (["saved", "--all"], "error: --all goes with --run"),
        (
            ["move", "--users", "a@x.example", "--report", "plan.txt"],
            "error: --report plan.txt: a name that ends in .html or .xlsx is needed",
        ),
        (
            ["move", "--users", "a@x.example", "--report", "x.pdf", "--app", "https://x.example"],
            "error: --report x.pdf: a name that ends in .html or .xlsx is needed",
        ),
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


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
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


def test_every_command_takes_the_short_option_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`acp COMMAND -h` is `acp COMMAND --help`."""
    assert run(["doctor", "-h"]) == 0
    assert "doctor [OPTIONS]" in capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`acp --version` prints one line."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"acp {__version__}\n"


@pytest.mark.parametrize(
    ("shell", "words"),
    [("bash", "complete -o"), ("zsh", "#compdef"), ("powershell", "Register-ArgumentCompleter")],
)
def test_completion_is_shown_for_the_named_shell(
    shell: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script is for the shell that is named, whatever shell runs this."""
    with pytest.raises(SystemExit) as ended:
        run(["--show-completion", shell])
    assert ended.value.code == 0
    assert words in capsys.readouterr().out


def test_a_missing_extra_is_one_line_that_says_how_to_get_it() -> None:
    """Status 2, and a command that names what was installed, with the extra."""
    with pytest.raises(CommandError, match=r"^acp demo needs the extra .*\[local\]'$") as error:
        require_local("demo", modules=["no_such_module"])
    assert error.value.status == 2


def test_a_variable_names_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ACP_SETTINGS is read as --settings is, and is not taken for a setting of the app."""
    file = str(tmp_path / "no.json")
    monkeypatch.setenv("ACP_SETTINGS", file)
    assert run(["runs"]) == 2
    assert f"{file}: there is no such file" in capsys.readouterr().err
    assert unknown_settings({"ACP_SETTINGS": file}) == []


_STATUS = (
    "from shared.bootstrap.services import App\nfrom shared.settings.settings import Settings\n"
    "App(Settings.from_environment({'AzureWebJobsStorage': 'UseDevelopmentStorage=true', "
    "'ACP_TENANT_ID': '6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11'})).status"
)


@pytest.mark.parametrize(
    ("program", "imported"),
    [
        ("from cli.main import run\nrun(['host', '--help'])", ["cli.host"]),
        (_STATUS, ["shared.services.admin.status"]),
    ],
)
def test_only_what_a_command_needs_is_imported(program: str, imported: list[str]) -> None:
    """The stand-ins start without sign-in and clients, and the status is read without them."""
    watched = ("cli.host", "cli.move", "msal", "httpx", "shared.services.admin.status")
    program += f"\nimport sys\nprint([name for name in {watched} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == str(imported)
