"""The real Azure Functions Python worker library, called in this process.

`azure-functions-runtime` is what runs inside the Functions host's Python worker: it indexes
function_app.py, converts the bindings and runs the functions as in Azure.
`invocation_request_native` is new in 1.3.0 and not in its `__all__`; the minor version is pinned.
"""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import azure_functions_runtime as runtime
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.native_invocation import invocation_request_native

from local.host import protos
from local.host.errors import AppError
from local.host.functions import Function

__all__ = ["Datum", "Returned", "invoke", "load", "stop"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Returned:
    """What an invocation gave back.

    `error` is None on success, else the exception's text. `value` is the return value,
    `outputs` what was set on output bindings, by name.
    """

    error: str | None
    value: Datum | None
    outputs: Mapping[str, Datum]


async def load(root: Path) -> list[Function]:
    """Index the function app in `root` and load its functions.

    Raises `AppError` with the app's own message and traceback. Leaves `root` first on `sys.path`.
    """
    if not (root / "function_app.py").is_file():
        raise AppError(f"{root} has no function_app.py: is this a Python v2 function app?")
    sys.path.insert(0, str(root))
    started = await runtime.worker_init_request(
        _request("worker_init_request", capabilities={}, function_app_directory=str(root))
    )
    _check(started, "the function app could not be indexed")
    runtime.start_threadpool_executor()
    found = await runtime.functions_metadata_request(_request("functions_metadata_request"))
    if not found.function_metadata_results:
        raise AppError(f"the function app in {root} declares no functions")
    functions = []
    for metadata in found.function_metadata_results:
        loaded = await runtime.function_load_request(
            _request("function_load_request", function_id=metadata.function_id, metadata=metadata)
        )
        _check(loaded, f"function {metadata.name!r} could not be loaded")
        if metadata.retry_options is not None:
            logger.warning("function %s: its retry policy is not followed here", metadata.name)
        functions.append(
            Function.from_bindings(metadata.name, metadata.function_id, metadata.raw_bindings)
        )
    return functions


async def invoke(
    invocation_id: str, function: Function, data: Datum, metadata: Mapping[str, Datum]
) -> Returned:
    """Run a function with its trigger's `data`; its own exceptions come back as `error`.

    The library has logged the exception with its traceback by then.
    """
    ok, value, outputs, error, _traceback = await invocation_request_native(
        invocation_id, function.id, [(function.trigger.name, data)], dict(metadata)
    )
    return Returned(None if ok else error or "unknown error", value, dict(outputs))


def stop() -> None:
    """Stop the threads that run functions which are not `async`; waits for running ones."""
    runtime.stop_threadpool_executor()


def _request(verb: str, **fields: object) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(**{verb: SimpleNamespace(**fields)}),
        properties={"protos": protos, "host": "127.0.0.1"},
    )


def _check(response: SimpleNamespace, what: str) -> None:
    result = response.result
    if result.status == protos.StatusResult.Success:
        return
    raise AppError(f"{what}: {result.exception.message}\n{result.exception.stack_trace.rstrip()}")
