"""Option types that several commands share; errors name the option and the invalid value."""

from collections.abc import Callable
from typing import Annotated

import typer

from local.worlds import World

_LAST_PORT = 65_535
_MOST_SEED = 2**63


def number[N: (int, float)](kind: type[N], least: N, most: N) -> Callable[[str | N], N]:
    """A parser for a number from `least` to `most`.

    typer's own ranges omit the value from the error, so the parser rejects it.
    """

    def parse(text: str | N) -> N:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            noun = "a whole number" if kind is int else "a number"
            raise typer.BadParameter(f"{text!r} is not {noun} from {least:,} to {most:,}")
        return value

    return parse


RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id; `acp runs` lists them.")
]

Port = Annotated[
    int,
    typer.Option(
        parser=number(int, 0, _LAST_PORT),
        metavar="PORT",
        help="Port on 127.0.0.1; 0 takes a free one.",
    ),
]

WorldOption = Annotated[
    World,
    typer.Option(
        help="The kind of tenant: `2018` with third-party providers, `today` without them, "
        "`documented` the same with documented Graph calls alone."
    ),
]

Seed = Annotated[
    int,
    typer.Option(
        parser=number(int, -_MOST_SEED, _MOST_SEED),
        metavar="NUMBER",
        help="The users follow from it.",
    ),
]
