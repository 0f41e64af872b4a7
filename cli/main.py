"""The `acp` command: builds the command tree, and turns errors into one line and a status.

Only the module of the given command is imported: all of them take twice as long.

0: done; 1: it failed, or users did; 2: wrong options or input; 3: a service or the storage could not
be reached; 130: interrupted.
"""

import io
import os
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException

from cli.errors import CommandError
from cli.output import tell
from local.errors import LocalError
from shared import __version__
from shared.errors import AcpError, InputError, ServiceError, SettingsError, StorageError
from shared.text import harmless

_INTERRUPTED: Final = 130
_UNREACHABLE: Final = 3
_GUESS: Final = re.compile(r" \(Possible options?: ([^)]+)\)")
_PANELS: Final[Mapping[str, Mapping[str, str]]] = {
    "Commands": {
        "move": "cli.move.command:move",
        "retry": "cli.move.retry:retry",
        "release": "cli.held:release",
        "discard": "cli.held:discard",
        "cancel": "cli.held:cancel",
        "forget": "cli.forget:forget",
        "pause": "cli.pause:pause",
        "grant": "cli.grant.command:grant",
    },
    "Look": {
        "status": "cli.pause:status",
        "held": "cli.held:held",
        "ready": "cli.users:ready",
        "providers": "cli.users:providers",
        "show": "cli.show:show_user",
        "saved": "cli.saved:saved",
        "runs": "cli.runs:runs",
        "run": "cli.runs:run",
        "attention": "cli.users:attention",
        "waiting": "cli.users:waiting",
        "doctor": "cli.doctor:doctor",
        "console": "cli.console:console",
        "probe": "cli.probe.command:probe",
    },
    "On this machine, without Azure (needs the extra `local`)": {
        "demo": "cli.demo.command:demo",
        "storage": "cli.storage:storage",
        "tenant": "cli.tenant:tenant",
        "host": "cli.host:host",
    },
}
"""The commands as help shows them: where the function of each is."""

# So --show-completion and --install-completion take the shell's name; typer would guess it.
os.environ.setdefault("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"acp {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Make Microsoft the audio conferencing provider of licensed Microsoft 365 users.

    The function app does it by itself; `move` does it now for the users you name. `demo` shows all
    of it on this machine: Azurite stands in for Azure Storage, a simulated tenant for Microsoft 365,
    and a small host with the real Python worker for Azure Functions.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line and exit with its status. Files and pipes get UTF-8 on every platform."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit status."""
    try:
        status = _app(arguments)(arguments, standalone_mode=False)
    except TyperException as error:
        return _fail(_plainly(error.format_message()), error.exit_code)
    except (CommandError, LocalError, SettingsError) as error:
        return _fail(str(error), _status_of(error))
    except AcpError as error:
        return _fail(harmless(str(error)), _status_of(error))
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    return status if isinstance(status, int) else 0


def _app(arguments: list[str]) -> typer.Typer:
    """Return the command tree: with the given command alone, or with all if the first word is none."""
    app = typer.Typer(
        name="acp",
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    asked = arguments[:1]
    known = any(name in commands for commands in _PANELS.values() for name in asked)
    for panel, commands in _PANELS.items():
        for name, place in commands.items():
            if not known or name in asked:
                module, _, function = place.partition(":")
                command = getattr(import_module(module), function)
                app.command(name, rich_help_panel=panel)(command)
    return app


def _plainly(message: str) -> str:
    """Return what typer says about a command line, without the words of the libraries below it."""
    line = " ".join(message.split()).replace("Value error, ", "")
    return _GUESS.sub(r"; did you mean \1?", line)


def _status_of(error: Exception) -> int:
    match error:
        case CommandError(status=status):
            return status
        case SettingsError() | InputError():
            return 2
        case ServiceError() | StorageError():
            return _UNREACHABLE
        case _:
            return 1


def _fail(message: str, status: int) -> int:
    tell(f"error: {message}")
    return status
