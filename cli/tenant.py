"""`acp tenant`: the simulated Microsoft 365 tenant."""

import asyncio
import logging
import sys
from typing import Annotated

import typer

from cli import serving
from cli.options import Port, Seed, number

_DRAIN_SECONDS = 2.0


def tenant(
    port: Port = 7072,
    users: Annotated[
        int,
        typer.Option(parser=number(int, 1, 1_000_000), metavar="NUMBER", help="How many users."),
    ] = 200,
    seed: Seed = 1,
    lag: Annotated[
        float,
        typer.Option(
            parser=number(float, 0, 86_400),
            metavar="SECONDS",
            help="From a license to its effect in Teams.",
        ),
    ] = 2.0,
) -> None:
    """Run a simulated tenant: Microsoft Graph, the Teams admin API and the identity endpoint.

    Prints `ready URL` once it accepts requests; runs until Ctrl-C.
    """
    from local.tenant.app import create_app  # noqa: PLC0415 - saves the other commands its import
    from local.tenant.options import TenantOptions  # noqa: PLC0415

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
    )
    for name in ("uvicorn", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    app = create_app(TenantOptions(users=users, seed=seed, lag_seconds=lag))
    with serving.bind(port) as bound:
        asyncio.run(serving.serve(app, bound, drain=_DRAIN_SECONDS))
