"""`acp probe`: find out, by reading alone, whether a live tenant answers as this project assumes."""

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.errors import CommandError
from cli.output import Output, OutputOption, show, tell

if TYPE_CHECKING:
    from cli.probe.questions import Question
    from shared.bootstrap.services import App
    from shared.clients.identity import TokenSource

_COLUMNS = ("call", "verdict", "detail", "change")


class ProbeSignIn(StrEnum):
    """Whose rights are used."""

    SETTINGS = "settings"
    AZ = "az"


def probe(
    *,
    file: Annotated[
        Path, typer.Option(metavar="FILE", help="The file to write; it must not exist.")
    ] = Path("acp-probe.json"),
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Ask nothing: compare a probe's file with what is assumed."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Object id of a group to ask about; else one of the settings, if any.",
        ),
    ] = None,
    sign_in: Annotated[
        ProbeSignIn,
        typer.Option(
            help="`settings`: the identity of the settings, or a device code with "
            "ACP_SIGN_IN_CLIENT_ID; `az`: as the person who ran `az login`."
        ),
    ] = ProbeSignIn.SETTINGS,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    settings: SettingsOption = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Ask a live tenant each call that reads, once or twice, and write the shape of the answers.

    It sends GET requests and reading batches only. The file has statuses, names of fields and headers
    that are on a list in the code, types, formats and counts: no value, id, name, number, address or
    error text. docs/probe.md says more, and where to send it.

    `--check` compares such a file with what the app and the simulated tenant assume, call by call, and
    names the constant to change; it ends with 1 when something differs.

    Examples:

    `acp probe --sign-in az`

    `acp probe --check acp-probe.json`
    """
    if check is not None:
        return _check(check, output)
    if file.exists():
        raise CommandError(f"--file {file}: exists already; name another one", 2)
    if not file.parent.is_dir():
        raise CommandError(f"--file {file}: there is no such folder", 2)
    return asyncio.run(_probe(file, group, sign_in, settings, yes=yes))


def _check(file: Path, output: Output) -> int:
    from cli.probe.check import Verdict, check  # noqa: PLC0415 - so that --help stays fast
    from cli.probe.file import read_file  # noqa: PLC0415

    found = list(check(read_file(file)))
    rows = [
        {
            "call": each.call,
            "verdict": str(each.verdict),
            "detail": each.detail,
            "change": each.change,
        }
        for each in found
    ]
    show(rows, _COLUMNS, output)
    return 1 if any(each.verdict is Verdict.DIFFERS for each in found) else 0


async def _probe(
    file: Path, group: str | None, sign_in: ProbeSignIn, settings: Path | None, *, yes: bool
) -> int:
    # Imported here: the clients cost every other command half a second.
    from cli.probe.ask import Prober  # noqa: PLC0415
    from cli.probe.file import VERSION, ProbeFile  # noqa: PLC0415
    from cli.probe.questions import questions  # noqa: PLC0415
    from shared import __version__  # noqa: PLC0415

    # A probe needs no storage, and a person with a tenant may have none.
    os.environ.setdefault("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    async with connect(settings) as app:
        tell(f"tenant {app.settings.tenant_id}, cloud {app.settings.cloud}: these calls, read only")
        for question in questions():
            twice = ", twice" if question.listing or question.otherwise else ""
            tell(f"  {question}{twice}")
        tell(f"{file} will have the shape of the answers, and none of their values.")
        if not yes:
            _confirm()
        some = next(iter(app.adapters.rules.groups), None)
        prober = Prober(app.settings, _tokens(app, sign_in), group or some)
        rows = await prober.probe(_tell_question)
        content = ProbeFile(
            kind="acp-probe",
            version=VERSION,
            app=__version__,
            cloud=app.settings.cloud.value,
            rows=rows,
        )
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(content.model_dump_json(indent=1, exclude_defaults=True) + "\n")
    except OSError as error:
        raise CommandError(f"--file {file}: cannot be written ({error.strerror})", 2) from error
    tell(f"written: {file}; compare it with `acp probe --check {file}`")
    return 0


def _tokens(app: "App", sign_in: ProbeSignIn) -> "TokenSource":
    if sign_in is ProbeSignIn.SETTINGS:
        return app.adapters.identity
    from cli.grant.az import AzTokens  # noqa: PLC0415

    return AzTokens(app.settings.tenant_id)


def _tell_question(question: "Question") -> None:
    tell(f"  asking {question}")


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise CommandError("not an interactive terminal: pass --yes", 2)
    print("Type yes to ask: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() != "yes":
        raise CommandError("not confirmed; nothing was asked", 2)
