"""One invocation from trigger data to sent outputs, with its log lines and counters."""

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from azure.storage.queue.aio import QueueClient
from azure_functions_runtime import invocation_id_cv

from local.host import worker
from local.host.data import queue_bodies
from local.host.errors import OutputError
from local.host.functions import QUEUE_OUTPUT, Binding, Function
from local.host.queue_output import QueueOutput
from local.host.storage import Queues
from local.host.worker import Datum

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Counters:
    """How many invocations of one function run, have succeeded and have failed since the start."""

    running: int = 0
    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Result:
    """How an invocation ended.

    `error` is None on success; `value` is what an HTTP function returned or set.
    """

    error: str | None
    value: Datum | None = None

    @property
    def ok(self) -> bool:
        """Whether the function and its outputs succeeded."""
        return self.error is None


class Invocations:
    """Runs functions and sends their outputs: an output that cannot be sent fails the invocation.

    Raises `SettingError` when an output binding's queue or connection cannot be resolved.
    """

    def __init__(self, functions: Sequence[Function], queues: Queues, output: QueueOutput) -> None:
        self._output = output
        self.counters = {function.name: Counters() for function in functions}
        self._targets: dict[tuple[str, str], QueueClient] = {}
        for function in functions:
            for binding in function.outputs:
                if binding.type == QUEUE_OUTPUT:
                    self._targets[function.name, binding.name] = queues.get(
                        binding.text("connection"),
                        binding.text("queueName"),
                        f"output {binding.name!r} of function {function.name!r}",
                    )

    async def run(
        self, function: Function, data: Datum, metadata: Mapping[str, Datum] | None = None
    ) -> Result:
        """Run one function; never raises for what the function or its outputs do wrong."""
        invocation_id = str(uuid.uuid4())
        counters = self.counters[function.name]
        counters.running += 1
        token = invocation_id_cv.set(invocation_id)
        started = time.perf_counter()
        error: str | None = "cancelled"
        try:
            returned = await worker.invoke(invocation_id, function, data, metadata or {})
            error = returned.error
            value = returned.value
            if error is None:
                try:
                    value = await self._send_outputs(function, returned)
                except (OutputError, ExceptionGroup) as problem:
                    error = f"output: {problem}"
                    logger.exception("an output of %s could not be sent", function.name)
            return Result(error=error, value=value)
        finally:
            counters.running -= 1
            duration = (time.perf_counter() - started) * 1000
            if error is None:
                counters.succeeded += 1
                logger.info("%s succeeded in %.0f ms", function.name, duration)
            else:
                counters.failed += 1
                logger.error("%s failed in %.0f ms", function.name, duration)
            invocation_id_cv.reset(token)

    async def _send_outputs(self, function: Function, returned: worker.Returned) -> Datum | None:
        http_value = returned.value
        for binding in function.outputs:
            value = _output_value(binding, returned)
            if binding.type != QUEUE_OUTPUT:
                http_value = value
            elif value is not None and value.value is not None:
                try:
                    bodies = queue_bodies(value)
                except OutputError as error:
                    raise OutputError(f"{binding.name}: {error}") from error
                await self._output.send(self._targets[function.name, binding.name], bodies)
        return http_value


def _output_value(binding: Binding, returned: worker.Returned) -> Datum | None:
    return returned.value if binding.name == "$return" else returned.outputs.get(binding.name)
