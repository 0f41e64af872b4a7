"""A small function app with one function for each thing that the local host does.

Each function writes what it saw to the queue in the app setting SAMPLE_LOG (or does not end before
the test says so), so that a test sees it from outside, as it would in Azure.
"""

import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import List  # noqa: UP035 - the worker refuses func.Out[list[str]]

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

STORAGE = "AzureWebJobsStorage"
GATE = Path(os.environ["SAMPLE_GATE"])


def note(log: func.Out[str], **fields: object) -> None:
    """Put one note on the log queue."""
    log.set(json.dumps(fields))


@app.route(route="items/{id}/{*name}", auth_level=func.AuthLevel.ANONYMOUS, methods=["GET"])
async def item(req: func.HttpRequest) -> func.HttpResponse:
    """Show what an HTTP function gets."""
    body = {
        "route": dict(req.route_params),
        "query": dict(req.params),
        "header": req.headers.get("X-Sample"),
        "url": req.url,
        "cwd": Path.cwd().name,
        "loop": type(asyncio.get_running_loop()).__module__,
    }
    headers = {"X-Answer": "yes", "Set-Cookie": "a=b; Path=/"}
    return func.HttpResponse(
        json.dumps(body), status_code=203, headers=headers, mimetype="application/json"
    )


@app.route(auth_level=func.AuthLevel.ANONYMOUS)
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Give the body back."""
    return func.HttpResponse(req.get_body(), mimetype="application/octet-stream")


@app.route(methods=["POST"])
def guarded(req: func.HttpRequest) -> str:  # noqa: ARG001
    """Need a function key."""
    return "open"


@app.route(auth_level=func.AuthLevel.ADMIN)
def admins(req: func.HttpRequest) -> str:  # noqa: ARG001
    """Need the master key."""
    return "open"


@app.route(auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> str:  # noqa: ARG001
    """Fail."""
    raise RuntimeError("broken on purpose")


@app.route(route="spread", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="out", queue_name="%SAMPLE_SPREAD%", connection=STORAGE)
def spread(req: func.HttpRequest, out: func.Out[List[str]]) -> str:  # noqa: UP006
    """Put each item of the body on a queue."""
    out.set(req.get_json())
    return "ok"


@app.queue_trigger(arg_name="msg", queue_name="%SAMPLE_WORK%", connection=STORAGE)
@app.queue_output(arg_name="log", queue_name="%SAMPLE_LOG%", connection=STORAGE)
async def work(msg: func.QueueMessage, log: func.Out[str]) -> None:
    """Do what the message says: `ok`, `fail`, or `wait` until the gate file exists."""
    body = msg.get_body().decode()
    logging.getLogger("sample").info("working")
    if body == "fail":
        raise RuntimeError("failed on purpose")
    if body == "wait":
        (GATE / f"started-{msg.dequeue_count}").touch()
        while not (GATE / "open").exists():  # noqa: ASYNC110 - a file is the signal
            await asyncio.sleep(0.02)
    note(log, body=body, dequeue_count=msg.dequeue_count, id=msg.id)


@app.queue_trigger(arg_name="msg", queue_name="%SAMPLE_SYNC%", connection=STORAGE)
@app.queue_output(arg_name="log", queue_name="%SAMPLE_LOG%", connection=STORAGE)
def sync_work(msg: func.QueueMessage, log: func.Out[str]) -> None:
    """As `work`, in a thread: wait until as many messages are here as the message says."""
    here = GATE / "here"
    here.mkdir(exist_ok=True)
    (here / str(msg.id)).touch()
    limit = time.monotonic() + 10
    while len(list(here.iterdir())) < int(msg.get_body()):
        if time.monotonic() > limit:
            raise TimeoutError("the others did not come")
        time.sleep(0.01)
    note(log, body="together")


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
@app.queue_output(arg_name="log", queue_name="%SAMPLE_LOG%", connection=STORAGE)
def tick(timer: func.TimerRequest, log: func.Out[str]) -> None:
    """Note that the timer ran."""
    note(log, body="tick", past_due=timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
@app.queue_output(arg_name="log", queue_name="%SAMPLE_LOG%", connection=STORAGE)
async def at_start(timer: func.TimerRequest, log: func.Out[str]) -> None:  # noqa: ARG001
    """Note the start."""
    note(log, body="at start")


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def failing_timer(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Fail when run by hand."""
    raise RuntimeError("timer failed on purpose")


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="log", queue_name="%SAMPLE_LOG%", connection=STORAGE)
async def on_event(event: func.EventGridEvent, log: func.Out[str]) -> None:
    """Note the event, or fail when it says so."""
    if isinstance(event, func.CloudEvent):
        note(log, body="cloud event", type=event.type, data=event.get_json())
        return
    data = event.get_json()
    if data.get("fail"):
        raise RuntimeError("event failed on purpose")
    note(log, body="event", type=event.event_type, data=data)
