"""The `acp` command: builds the command tree, and turns errors into one line and a status.

0: done; 1: it failed, or users did; 2: wrong options or input; 3: a service or the storage could not
be reached; 130: interrupted.
"""

import sys

import typer
from typer.exceptions import TyperException

from cli import doctor, host, runs, saved, storage, tenant, users
from cli.demo import command as demo
from cli.errors import CommandError
from cli.grant import command as grant
from cli.move import command as move
from local.errors import LocalError
from shared.errors import AcpError, InputError, ServiceError, SettingsError, StorageError

_INTERRUPTED = 130
_UNREACHABLE = 3
_LOOK = "Look"
_LOCAL = "Stand-ins for Azure and Microsoft 365"

app = typer.Typer(name="acp", add_completion=False, rich_markup_mode="markdown")
app.command("move")(move.move)
app.command("release")(runs.release)
app.command("grant")(grant.grant)
app.command("ready", rich_help_panel=_LOOK)(users.ready)
app.command("providers", rich_help_panel=_LOOK)(users.providers)
app.command("show", rich_help_panel=_LOOK)(users.show_user)
app.command("saved", rich_help_panel=_LOOK)(saved.saved)
app.command("runs", rich_help_panel=_LOOK)(runs.runs)
app.command("run", rich_help_panel=_LOOK)(runs.run)
app.command("attention", rich_help_panel=_LOOK)(users.attention)
app.command("doctor", rich_help_panel=_LOOK)(doctor.doctor)
app.command("demo", rich_help_panel=_LOCAL)(demo.demo)
app.command("storage", rich_help_panel=_LOCAL)(storage.storage)
app.command("tenant", rich_help_panel=_LOCAL)(tenant.tenant)
app.command("host", rich_help_panel=_LOCAL)(host.host)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Sets Microsoft as the audio conferencing provider of every licensed user.

    The function app does it by itself; `move` does it now for the users you name. `demo` shows all
    of it on this machine: Azurite stands in for Azure Storage, a simulated tenant for Microsoft 365,
    and a small host with the real Python worker for Azure Functions.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit status."""
    try:
        status = app(arguments, standalone_mode=False)
    except TyperException as error:
        return _fail(" ".join(error.format_message().split()), error.exit_code)
    except (CommandError, LocalError, AcpError) as error:
        return _fail(str(error), _status_of(error))
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    return status if isinstance(status, int) else 0


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
    print(f"error: {message}", file=sys.stderr)
    return status
