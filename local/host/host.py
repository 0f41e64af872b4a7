"""The composition: one function app with its listeners, timers and endpoints."""

import asyncio
import logging
import os
from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host import app_settings, worker
from local.host.admin import Admin
from local.host.data import queue_data, queue_metadata, timer_data
from local.host.errors import AppError, ScheduleError, SettingError
from local.host.event_grid import EventGridWebhook
from local.host.functions import HTTP, QUEUE, TIMER, Function
from local.host.host_json import HostJson, read_host_json
from local.host.http_functions import HttpFunctions
from local.host.invocations import Invocations
from local.host.ncrontab import Schedule
from local.host.options import HostOptions
from local.host.queue_listener import POISON_SUFFIX, QueueListener
from local.host.queue_output import QueueOutput
from local.host.storage import Queues, create
from local.host.timers import Timer

logger = logging.getLogger(__name__)


async def load_host(
    options: HostOptions, environment: MutableMapping[str, str] | None = None
) -> "Host":
    """Read the app's files, index its functions and compose the host.

    `environment` (default: this process's) gets the values of local.settings.json first. Raises a
    `HostError` that says what is wrong with the app, its host.json or its settings.
    """
    environment = os.environ if environment is None else environment
    root = options.root.resolve()
    copied = app_settings.load_local_settings(root, environment)
    if copied:
        logger.info("local.settings.json gives %s", ", ".join(copied))
    host_json = read_host_json(root)
    functions = await worker.load(root)
    host = Host(functions, host_json, options, environment)
    await host.create_queues()
    return host


class Host:
    """A loaded function app, to be started and drained; see `load_host`.

    `http`, `event_grid` and `admin` answer requests (`local.host.app` routes to them).
    """

    def __init__(
        self,
        functions: list[Function],
        host_json: HostJson,
        options: HostOptions,
        environment: MutableMapping[str, str],
    ) -> None:
        self._host_json = host_json
        self._options = options
        self._environment = environment
        self._queues = Queues(environment)
        self._listeners: list[QueueListener] = []
        self._timers: list[Timer] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._state = "Initializing"
        self._drain_until: float | None = None
        self.functions = tuple(functions)
        enabled = [f for f in functions if not app_settings.disabled(f.name, environment)]
        self.invocations = Invocations(functions, self._queues, QueueOutput(self._wake))
        self.http = HttpFunctions(
            enabled,
            self.invocations,
            prefix=host_json.route_prefix,
            keys=options.keys,
            environment=environment,
        )
        self.event_grid = EventGridWebhook(enabled, self.invocations, options.keys)
        self.admin = Admin(
            functions,
            self.invocations,
            options.keys,
            state=lambda: self._state,
            start=self._keep,
        )
        for function in enabled:
            if function.trigger.type == QUEUE:
                self._listeners.append(self._queue_listener(function))
            elif function.trigger.type == TIMER:
                self._timers.append(self._timer(function))

    async def create_queues(self) -> None:
        """Create the triggers' queues that are missing, as the real host does.

        Raises `SettingError` when the storage account does not answer or refuses.
        """
        for listener in self._listeners:
            try:
                await create(listener.queue)
            except AzureError as error:
                await self._queues.close()
                reason = str(error).splitlines()[0]
                raise SettingError(f"storage at {listener.queue.url}: {reason}") from error

    async def start(self) -> None:
        """Listen and keep time."""
        for listener in self._listeners:
            self._keep(asyncio.create_task(listener.listen()))
        for timer in self._timers:
            self._keep(asyncio.create_task(timer.keep_time()))
        self._state = "Running"
        for function in self.functions:
            logger.info("function %s: %s", function.name, self._describe(function))

    def stop(self) -> None:
        """Take no new messages and start no timers; running functions continue until `drain`."""
        if self._drain_until is not None:
            return
        loop = asyncio.get_running_loop()
        self._drain_until = loop.time() + self._options.drain_seconds
        self._state = "Stopping"
        logger.info(
            "stopping: no new messages, up to %g s for what runs", self._options.drain_seconds
        )
        for listener in self._listeners:
            listener.stop()
        for timer in self._timers:
            timer.stop()

    async def drain(self) -> bool:
        """Stop, and wait for what runs, at most the drain time since the first `stop`.

        False when something still ran then: it was cancelled, or is a thread that cannot be.
        Messages being worked on become visible again when their lease ends.
        """
        self.stop()
        remaining = (self._drain_until or 0.0) - asyncio.get_running_loop().time()
        pending: set[asyncio.Task[Any]] = set()
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=max(remaining, 0.0))
        if pending:
            logger.warning("stopped before %d running tasks had finished", len(pending))
            for listener in self._listeners:
                listener.abandon()
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=1.0)
        else:
            await asyncio.to_thread(worker.stop)
        await self._queues.close()
        self._state = "Stopped"
        return not pending

    def _queue_listener(self, function: Function) -> QueueListener:
        trigger = function.trigger
        where = f"the trigger of function {function.name!r}"
        connection, name = trigger.text("connection"), trigger.text("queueName")

        async def run(body: bytes, message: QueueMessage) -> bool:
            result = await self.invocations.run(function, queue_data(body), queue_metadata(message))
            return result.ok

        return QueueListener(
            self._queues.get(connection, name, where),
            self._queues.get(connection, name + POISON_SUFFIX, where),
            run,
            options=self._host_json.queues,
            lease_seconds=self._options.message_lease_seconds,
        )

    def _timer(self, function: Function) -> Timer:
        trigger = function.trigger
        where = f"the schedule of function {function.name!r}"
        text = app_settings.resolve(trigger.text("schedule"), self._environment, where)
        try:
            schedule = Schedule.parse(text)
        except ScheduleError as error:
            raise AppError(f"function {function.name!r}: {error}") from error

        async def run(last: datetime | None, next_: datetime) -> None:
            await self.invocations.run(function, timer_data(last=last, next_=next_))

        return Timer(
            function.name, schedule, run, at_start=bool(trigger.settings.get("runOnStartup"))
        )

    def _wake(self, queue: QueueClient) -> None:
        for listener in self._listeners:
            if listener.queue is queue:
                listener.wake()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _describe(self, function: Function) -> str:
        if app_settings.disabled(function.name, self._environment):
            return "disabled"
        if function.trigger.type == HTTP:
            return f"http {self.http.route_of(function)}"
        own = function.trigger.text("queueName") or function.trigger.text("schedule")
        text = app_settings.resolve(own, self._environment, function.name)
        return f"{function.trigger.type} {text}".rstrip()
