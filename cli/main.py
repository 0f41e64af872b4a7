"""The `acp` command: builds the command tree, and turns errors into one line and a status.

0: done; 1: it failed, or users did; 2: wrong options or input; 3: a service or the storage could not
be reached; 130: interrupted.
"""

import io
import os
import re
import sys
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException

from cli import (
    console,
    doctor,
    forget,
    held,
    host,
    pause,
    runs,
    saved,
    show,
    storage,
    tenant,
    users,
)
from cli.demo import command as demo
from cli.errors import CommandError
from cli.grant import command as grant
from cli.move import command as move
from cli.move import retry
from cli.output import tell
from cli.probe import command as probe
from local.errors import LocalError
from shared import __version__
from shared.errors import AcpError, InputError, ServiceError, SettingsError, StorageError
from shared.text import harmless

_INTERRUPTED: Final = 130
_UNREACHABLE: Final = 3
_GUESS: Final = re.compile(r" \(Possible options?: ([^)]+)\)")
_LOOK: Final = "Look"
_LOCAL: Final = "On this machine, without Azure (needs the extra `local`)"

# So --show-completion and --install-completion take the shell's name; typer would guess it.
os.environ.setdefault("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
app = typer.Typer(
    name="acp",
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("move")(move.move)
app.command("retry")(retry.retry)
app.command("release")(held.release)
app.command("discard")(held.discard)
app.command("cancel")(held.cancel)
app.command("forget")(forget.forget)
app.command("pause")(pause.pause)
app.command("grant")(grant.grant)
app.command("status", rich_help_panel=_LOOK)(pause.status)
app.command("held", rich_help_panel=_LOOK)(held.held)
app.command("ready", rich_help_panel=_LOOK)(users.ready)
app.command("providers", rich_help_panel=_LOOK)(users.providers)
app.command("show", rich_help_panel=_LOOK)(show.show_user)
app.command("saved", rich_help_panel=_LOOK)(saved.saved)
app.command("runs", rich_help_panel=_LOOK)(runs.runs)
app.command("run", rich_help_panel=_LOOK)(runs.run)
app.command("attention", rich_help_panel=_LOOK)(users.attention)
app.command("waiting", rich_help_panel=_LOOK)(users.waiting)
app.command("doctor", rich_help_panel=_LOOK)(doctor.doctor)
app.command("console", rich_help_panel=_LOOK)(console.console)
app.command("probe", rich_help_panel=_LOOK)(probe.probe)
app.command("demo", rich_help_panel=_LOCAL)(demo.demo)
app.command("storage", rich_help_panel=_LOCAL)(storage.storage)
app.command("tenant", rich_help_panel=_LOCAL)(tenant.tenant)
app.command("host", rich_help_panel=_LOCAL)(host.host)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"acp {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
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
        status = app(arguments, standalone_mode=False)
    except TyperException as error:
        return _fail(_plainly(error.format_message()), error.exit_code)
    except (CommandError, LocalError, SettingsError) as error:
        return _fail(str(error), _status_of(error))
    except AcpError as error:
        return _fail(harmless(str(error)), _status_of(error))
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    return status if isinstance(status, int) else 0


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
