"""`acp demo`: a simulated tenant is put right by the real function app, while you watch."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.demo.summary import Evidence, summarize
from cli.demo.view import View
from cli.errors import CommandError
from cli.files import write_private
from cli.local_extra import require_azurite, require_local
from cli.options import Seed, WorldOption, number
from local.errors import ChildError, LocalError, WaitError
from local.processes import exit_with_parent
from local.waiting import wait_until
from local.worlds import World

if TYPE_CHECKING:
    from cli.demo.system import DemoSystem

_DYING_SECONDS = 2.0

Then = Callable[["DemoSystem", Evidence], None]
"""What to do with the running system and what the demo saw."""


def _json_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        raise typer.BadParameter(f"{text!r} is a folder")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"{text!r} is in a folder that does not exist")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise typer.BadParameter(f"{text!r} cannot be written")
    return path


def demo(
    users: Annotated[
        int,
        typer.Option(
            parser=number(int, 1, 100_000), metavar="NUMBER", help="How many users the tenant has."
        ),
    ] = 200,
    seed: Seed = 1,
    world: WorldOption = World.THIRD_PARTIES,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", parser=_json_file, metavar="FILE", help="Write the figures to a JSON file."
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave everything running until Ctrl-C, with users to move by hand."
        ),
    ] = False,
) -> int:
    """Watch a simulated Microsoft 365 tenant being put right by the real function app.

    Azurite, the tenant and the functions host run on free ports of this machine, and nothing
    else is called. Licenses are assigned in a wave; Graph's notifications reach the app, which
    saves each user's dial-in details and sets Microsoft as provider. Then the sweep finds the
    users who were still on InterCall, PGi and BT.

    Ends with 0 only when every licensed, included user is on Microsoft (in the world *documented*: or
    listed under *needs attention*), every replaced provider was saved, and nobody else was changed;
    with 1 otherwise, saying who and why.
    """
    view = View(Console(highlight=False))
    then = _leave_running if keep else None
    return play(view, users, seed, world=world, json_file=json_file, then=then)


def play(
    view: View,
    users: int,
    seed: int,
    *,
    world: World = World.THIRD_PARTIES,
    json_file: Path | None = None,
    then: Then | None = None,
) -> int:
    """Run the demo and show it in `view`; return the exit status.

    then: what to do with everything before it stops.
    """
    require_local("demo")
    from cli.demo.system import DemoSystem  # noqa: PLC0415 - needs the extra
    from local.commands import forget_surroundings  # noqa: PLC0415

    require_azurite()
    began = time.monotonic()
    forget_surroundings(os.environ)
    with _interruptible(), DemoSystem(users, seed, world) as system:
        view.title(users, seed, world)
        system.launch()
        # These imports take as long as a process takes to start: meanwhile two of them do, and
        # other commands go without.
        from cli.demo import report as demo_report  # noqa: PLC0415
        from cli.demo.run import run_demo  # noqa: PLC0415
        from shared.errors import AcpError  # noqa: PLC0415

        try:
            evidence = run_demo(view, system, began)
        except ChildError as error:
            raise CommandError(f"{error}\n{_logs(system)}") from error
        except (AcpError, CommandError, LocalError) as error:
            raise CommandError(f"{_cause(system, error)}\n{_logs(system)}") from error
        except KeyboardInterrupt:
            print("\nInterrupted: stopping everything ...", file=sys.stderr, flush=True)
            raise
        summary = summarize(evidence)
        demo_report.show_after(view, evidence, summary)
        demo_report.show_figures(view, evidence, summary)
        demo_report.show_saved(view, evidence, stays=then is not None)
        well = demo_report.show_verdict(view, evidence)
        if json_file is not None:
            write_private(json_file, json.dumps(summary, indent=2) + "\n", "--json")
        if not well:
            system.keep_logs = True
            print(f"\n{_logs(system)}", flush=True)
        if then is not None:
            then(system, evidence)
        return 0 if well else 1


def _cause(system: "DemoSystem", error: Exception) -> str:
    """What to say about an error: a process that is just ending explains more than its silence."""
    try:
        return wait_until(system.ended_unexpectedly, "one of the processes ends", _DYING_SECONDS)
    except WaitError:
        return str(error)


def _logs(system: "DemoSystem") -> str:
    return f"The logs are in {system.folder}"


def _leave_running(system: "DemoSystem", evidence: Evidence) -> None:
    """Print the tour by hand, and wait for Ctrl-C."""
    from cli.demo import tour  # noqa: PLC0415 - needs the extra
    from cli.serving import announce  # noqa: PLC0415 - needs the extra

    print(tour.text(system, evidence))
    announce(system.host.origin)
    stopped = threading.Event()
    try:
        while not stopped.wait(1.0):
            system.check()
    except KeyboardInterrupt:
        print("Stopping ...", flush=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGINT and SIGTERM raise KeyboardInterrupt, and the end of the parent process too.

    A shell starts background jobs with SIGINT ignored, and asyncio has a handler of its own for
    it: so SIGTERM becomes a SIGINT, whoever handles that just now.
    """

    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    previous_term = signal.signal(signal.SIGTERM, interrupt)
    exit_with_parent(lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        signal.signal(signal.SIGTERM, previous_term)
