"""The `acp` command: builds the command tree, and turns errors into one line and a status.

0: done; 1: it failed; 2: wrong options; 130: interrupted.
"""

import sys

import typer
from typer.exceptions import TyperException

from cli import demo, host, storage, tenant
from cli.errors import CommandError
from local.errors import LocalError

_INTERRUPTED = 130
_LOCAL = "Stand-ins for Azure and Microsoft 365"

app = typer.Typer(name="acp", add_completion=False, rich_markup_mode="markdown")
app.command("demo")(demo.demo)
app.command("storage", rich_help_panel=_LOCAL)(storage.storage)
app.command("tenant", rich_help_panel=_LOCAL)(tenant.tenant)
app.command("host", rich_help_panel=_LOCAL)(host.host)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Sets Microsoft as the audio conferencing provider of every licensed user.

    Everything here runs on this machine: Azurite stands in for Azure Storage, a simulated tenant
    for Microsoft 365, and a small host with the real Python worker for Azure Functions.
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
    except (CommandError, LocalError) as error:
        return _fail(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status
