"""The Bicep compiler, asked through its own interface for programs (`bicep jsonrpc --stdio`).

One process answers everything: its first compilation takes seconds, each further one a fraction of one.
Messages are framed as in the Language Server Protocol. Nothing here needs a network or Azure.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

HOW_TO_GET_IT: Final = (
    "install it (az bicep install, or the releases of github.com/Azure/bicep), and put it on the PATH"
    " or name it with BICEP="
)
PLACE: Final = {
    "tenantId": "00000000-0000-0000-0000-000000000001",
    "subscriptionId": "00000000-0000-0000-0000-000000000002",
    "location": "westeurope",
    "deploymentName": "predicted",
}
"""Where a predicted deployment is thought to go: the same everywhere, so that predictions compare."""

_GROUP: Final = {"resourceGroup": "rg-contoso-acp"}

Request = tuple[str, Path]
"""`compile`, `compileParams`, `format` or `getSnapshot`, and the file; or `version`, and any path."""


class CompilerError(Exception):
    """The compiler does not run or refuses a request; the text says which and why."""


def find() -> str | None:
    """The compiler that BICEP names, else `bicep` on the PATH, else None."""
    return os.environ.get("BICEP") or shutil.which("bicep")


def ask(command: str, requests: Sequence[Request]) -> dict[Request, dict[str, Any]]:
    """The compiler's answers, each with `result` or `error`. CompilerError: it does not run."""
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen([command, "jsonrpc", "--stdio"], stdin=pipe, stdout=pipe) as process:
            stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            stdin.writelines(_frame(number, *request) for number, request in enumerate(requests))
            stdin.flush()
            answers = [_answer(stdout) for _ in requests]
    except (OSError, EOFError) as error:
        raise CompilerError(f"the Bicep compiler {command} does not run: {error}") from error
    return {requests[answer["id"]]: answer for answer in answers}


def result(answer: dict[str, Any]) -> dict[str, Any]:
    """The result of an answer. CompilerError: it is an error."""
    if "error" in answer:
        raise CompilerError(" ".join(str(answer["error"]["message"]).split()))
    found: dict[str, Any] = answer["result"]
    return found


def _frame(number: int, method: str, path: Path) -> bytes:
    to_group = method == "getSnapshot" and "'../main.bicep'" not in path.read_text(encoding="utf-8")
    parameters = {  # each method takes its own and overlooks the rest
        "path": str(path),
        "parameterOverrides": {},
        "metadata": PLACE | _GROUP if to_group else PLACE,
        "externalInputs": [],
    }
    request = {"jsonrpc": "2.0", "id": number, "method": f"bicep/{method}", "params": parameters}
    body = json.dumps(request).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def _answer(stream: IO[bytes]) -> dict[str, Any]:
    length = 0
    while header := stream.readline().strip():
        name, _, value = header.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    if not length:
        raise EOFError("it ended without an answer")
    answer: dict[str, Any] = json.loads(stream.read(length))
    return answer
