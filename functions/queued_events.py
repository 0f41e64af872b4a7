"""A license was assigned: Event Grid put the event into a queue (ACP_DELIVERY=eventgrid-queue).

Registered only with that setting: a queue that nobody fills costs requests all the same.
"""

from typing import List  # noqa: UP035 - the Functions worker refuses `list[str]` in an output binding

import azure.functions as func

from functions.arrival import arrival
from shared import bootstrap
from shared.domain.messages import Upkeep, UpkeepMessage
from shared.errors import InputError
from shared.storage.codec import encode
from shared.telemetry.events import Poison

QUEUES = bootstrap.settings().queues


def blueprint() -> func.Blueprint:
    """The function, or none."""
    made = func.Blueprint()
    if QUEUES.events is None:
        return made
    trigger = made.queue_trigger(
        "message", queue_name=QUEUES.events.name, connection="AzureWebJobsStorage"
    )
    upkeep = made.queue_output(
        "upkeep", queue_name=QUEUES.upkeep.name, connection="AzureWebJobsStorage"
    )
    poison = made.queue_output(
        "poison", queue_name=QUEUES.events.poison, connection="AzureWebJobsStorage"
    )
    trigger(upkeep(poison(queued_license_events)))
    return made


async def queued_license_events(
    message: func.QueueMessage,
    upkeep: func.Out[str],
    poison: func.Out[List[str]],  # noqa: UP006 - a list: the host reads meaning into a bare JSON text
) -> None:
    """Move the user that one event names; anything else goes to the poison queue at once."""
    app, body = bootstrap.app(), message.get_body()
    try:
        renew = await app.queued_events.take(body, arrival(message))
    except InputError as error:
        app.adapters.log("intake").write(Poison(reason=str(error), message=message.id or ""))
        poison.set([body.decode(errors="replace")])
        return
    if renew:
        upkeep.set(encode(UpkeepMessage(Upkeep.RENEW)))
