"""The options for the form of the data, given to a command as one value: its `output`."""

import functools
import inspect
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.errors import CommandError
from cli.files import private_file
from cli.output import Form, Output, OutputOption, tell

_DELIMITERS: Final = {",": ",", ";": ";", "\t": "\t", "tab": "\t"}


def _delimiter(text: str) -> str:
    if text not in _DELIMITERS:
        raise typer.BadParameter(f"{text!r} is none of `,` `;` `tab`")
    return _DELIMITERS[text]


_Bom = Annotated[
    bool,
    typer.Option("--bom", help="CSV: begin with the mark by which Excel recognizes UTF-8."),
]
_Delimiter = Annotated[
    str | None,
    typer.Option(parser=_delimiter, metavar="SIGN", help="CSV: `;` or `tab` instead of the comma."),
]
_File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="Write the data into a file for you alone, by its name as CSV, JSON or XLSX.",
    ),
]
_BY_NAME: Final = {f".{kind}": kind for kind in (Output.CSV, Output.JSON, Output.XLSX)}
_All = Annotated[bool, typer.Option("--all", help="Show all rows on a terminal, not the first 20.")]


def with_form[T](
    default: Output = Output.TABLE, *, whole: bool = True, file: bool = True
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a command --output, --bom, --delimiter and, if `whole`, --all; it gets a `Form` as `output`.

    file: it only reads, and has --file, too: the shells of Windows change what a program writes to `> FILE`.
    """
    options = {
        "output": (OutputOption, default),
        "bom": (_Bom, False),
        "delimiter": (_Delimiter, None),
    }
    if file:
        options["file"] = (_File, None)
    if whole:
        options["everything"] = (_All, False)

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(command)
        def run(*arguments: Any, **options: Any) -> T:
            kind, bom, delimiter = (options.pop(name) for name in ("output", "bom", "delimiter"))
            everything = whole and options.pop("everything")
            name = options.pop("file") if file else None
            kind = kind if name is None else _kind_of(name, kind, default)
            with _writing(name):
                form = _form(kind, delimiter, bom=bom, everything=everything)
                return command(*arguments, **options, output=form)

        own = inspect.signature(command, eval_str=True)
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=kind)
            for name, (kind, value) in options.items()
        ]
        kept = [each for each in own.parameters.values() if each.name != "output"]
        run.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in [*kept, *added]}
        return run

    return decorate


def _kind_of(file: Path, kind: Output, default: Output) -> Output:
    by_name = _BY_NAME.get(file.suffix.lower())
    if by_name is None:
        raise CommandError(f"--file {file}: a name that ends in .csv, .json or .xlsx is needed", 2)
    if kind not in (by_name, default):
        raise CommandError(f"--file {file}: its name says {by_name}, --output says {kind}", 2)
    return by_name


@contextmanager
def _writing(file: Path | None) -> Iterator[None]:
    """Let what goes to standard output go into a file, which is there once it is complete."""
    if file is None:
        yield
        return
    with private_file(file, "--file") as opened:
        text = io.TextIOWrapper(opened, encoding="utf-8", newline="", write_through=True)
        with redirect_stdout(text):
            yield
        text.detach()
    tell(f"file: {file}")


def _form(kind: Output, delimiter: str | None, *, bom: bool, everything: bool) -> Form:
    if kind is not Output.CSV and (bom or delimiter):
        raise CommandError(f"--bom and --delimiter are for --output csv, not for {kind}", 2)
    if kind is Output.XLSX and sys.stdout.isatty():
        raise CommandError(
            "--output xlsx is not for a screen: take --file FILE.xlsx, or add `> FILE.xlsx`", 2
        )
    return Form(kind, bom, delimiter or ",", everything)
