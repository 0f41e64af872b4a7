"""`acp tenant`: the simulated Microsoft 365 tenant."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local_extra import require_local
from cli.options import Port, Seed, WorldOption, number
from local.worlds import WORLDS, World

if TYPE_CHECKING:
    from local.tenant.faults.faults import Faults

_DRAIN_SECONDS = 2.0
_LIMITS = "Limits and faults"


def _one_of(kind: str) -> Callable[[str], str]:
    """A parser for a word of an enumeration of the tenant's options, imported at its first use."""

    def parse(text: str) -> str:
        from local.tenant import options  # noqa: PLC0415 - saves the other commands its import

        words = [str(word) for word in getattr(options, kind)]
        if text not in words:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(words)}")
        return text

    return parse


def tenant(
    *,
    port: Port = 7072,
    users: Annotated[
        int,
        typer.Option(parser=number(int, 1, 1_000_000), metavar="NUMBER", help="How many users."),
    ] = 200,
    seed: Seed = 1,
    world: WorldOption = World.THIRD_PARTIES,
    continuation: Annotated[
        str | None,
        typer.Option(
            parser=_one_of("Continuation"),
            metavar="FORM",
            help="How a page of Teams users names the next one: `address`, `token` or `module`; "
            "else as in the world.",
        ),
    ] = None,
    acp_info: Annotated[
        str | None,
        typer.Option(
            parser=_one_of("AcpInfo"),
            metavar="FORM",
            help="What Teams tells about providers: `sent`, `null` or `absent`; else as in the world.",
        ),
    ] = None,
    lag: Annotated[
        float,
        typer.Option(
            parser=number(float, 0, 86_400),
            metavar="SECONDS",
            help="From a license to its effect in Teams.",
        ),
    ] = 2.0,
    graph_limits: Annotated[
        bool,
        typer.Option(
            "--graph-limits/--no-graph-limits",
            help="Enforce the limits that Microsoft publishes for Graph.",
            rich_help_panel=_LIMITS,
        ),
    ] = False,
    teams_rate: Annotated[
        float | None,
        typer.Option(
            parser=number(float, 0.1, 1_000_000),
            metavar="NUMBER",
            help="Calls a second that the Teams admin API takes; any number unless given.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    enforce_permissions: Annotated[
        bool,
        typer.Option(
            "--enforce-permissions/--no-enforce-permissions",
            help="Let the app do only what `acp grant` gave its identity.",
            rich_help_panel=_LIMITS,
        ),
    ] = False,
    faults: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON with the share of each fault (local/tenant/README.md lists them).",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
) -> None:
    """Run a simulated tenant: Microsoft Graph, the Teams admin API and the identity endpoint.

    Prints `ready URL` once it accepts requests; runs until Ctrl-C. `PUT /_tenant/faults` changes
    the faults while it runs.
    """
    require_local("tenant")
    from cli import serving  # noqa: PLC0415 - needs the extra
    from local.tenant.app import create_app  # noqa: PLC0415 - saves the other commands its import
    from local.tenant.options import TenantOptions  # noqa: PLC0415

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
    )
    for name in ("uvicorn", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    given = {
        "users": users,
        "seed": seed,
        "lag_seconds": lag,
        "continuation": continuation,
        "acp_info": acp_info,
        "graph_limits": graph_limits,
        "enforce_permissions": enforce_permissions,
        "teams_rate": teams_rate,
        "faults": _read(faults),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    options = TenantOptions.model_validate({**WORLDS[world].tenant, **chosen})
    app = create_app(options)
    with serving.bind(port) as bound:
        asyncio.run(serving.serve(app, bound, drain=_DRAIN_SECONDS))


def _read(faults: Path | None) -> "Faults | None":
    """The faults in a file; an invalid file is an invalid option."""
    from local.tenant.faults.faults import FaultsError, read_faults  # noqa: PLC0415 - see above

    try:
        return read_faults(faults) if faults else None
    except FaultsError as error:
        raise typer.BadParameter(str(error), param_hint="'--faults'") from None
