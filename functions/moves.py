"""The queues of users to look at: up to 20 a message, or a page of a run that was asked for."""

from typing import List  # noqa: UP035 - the Functions worker refuses `list[str]` in an output binding

import azure.functions as func

from shared import bootstrap
from shared.errors import InputError
from shared.events import Poison
from shared.storage.messages import MoveMessage, PageMessage

blueprint = func.Blueprint()
QUEUE = bootstrap.settings().queue


@blueprint.queue_trigger("message", queue_name=QUEUE, connection="AzureWebJobsStorage")
@blueprint.queue_output("poison", queue_name=f"{QUEUE}-poison", connection="AzureWebJobsStorage")
async def move_users(
    message: func.QueueMessage,
    poison: func.Out[List[str]],  # noqa: UP006 - a list: the host reads meaning into a bare JSON text
) -> None:
    """Move the users of one message. A text that is no message goes to the poison queue at once."""
    app, body = bootstrap.app(), message.get_body()
    try:
        users = MoveMessage.decode(body)
    except InputError as error:
        app.log("moving").write(Poison(reason=str(error), message=message.id or ""))
        poison.set([body.decode(errors="replace")])
        return
    await app.mover.move(users)


@blueprint.queue_trigger(
    "message", queue_name=f"{QUEUE}-requests", connection="AzureWebJobsStorage"
)
async def carry_out_request(message: func.QueueMessage) -> None:
    """Move the users of one page of a run that a person asked for."""
    page = PageMessage.decode(message.get_body())
    await bootstrap.desk().queued.work(page, again=(message.dequeue_count or 1) > 1)
