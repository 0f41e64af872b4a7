"""Moves users from the queues: up to 20 per message, or a page of a requested run."""

from dataclasses import replace
from typing import List  # noqa: UP035 - the Functions worker refuses `list[str]` in an output binding

import azure.functions as func

from functions.arrival import arrival
from shared import bootstrap
from shared.errors import InputError
from shared.storage.codec import decode_move, decode_page
from shared.telemetry.events import Poison

blueprint = func.Blueprint()
QUEUES = bootstrap.settings().queues


@blueprint.queue_trigger("message", queue_name=QUEUES.moves.name, connection="AzureWebJobsStorage")
@blueprint.queue_output("poison", queue_name=QUEUES.moves.poison, connection="AzureWebJobsStorage")
async def move_users(
    message: func.QueueMessage,
    poison: func.Out[List[str]],  # noqa: UP006 - a list: the host reads meaning into a bare JSON text
) -> None:
    """Move the users of one message. A malformed message goes to the poison queue at once."""
    app, body = bootstrap.app(), message.get_body()
    try:
        users = decode_move(body)
    except InputError as error:
        app.adapters.log("moving").write(Poison(reason=str(error), message=message.id or ""))
        poison.set([body.decode(errors="replace")])
        return
    await app.mover.handle(replace(users, arrived=arrival(message)))


@blueprint.queue_trigger(
    "message", queue_name=QUEUES.requests.name, connection="AzureWebJobsStorage"
)
async def carry_out_request(message: func.QueueMessage) -> None:
    """Move the users of one page of a requested run."""
    page = decode_page(message.get_body())
    await bootstrap.app().move_requests.work(page, again=(message.dequeue_count or 1) > 1)
