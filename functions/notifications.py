"""A license was assigned: Graph notifies by webhook or Event Grid, and the users are queued."""

from typing import List  # noqa: UP035 - the Functions worker refuses `list[str]` in an output binding

import azure.functions as func

from shared import bootstrap
from shared.domain.messages import Upkeep, UpkeepMessage
from shared.errors import InputError, StorageError, TooLargeError
from shared.services.notifications.intake import LONGEST_TOKEN, Accepted
from shared.storage.codec import encode
from shared.text import harmless

blueprint = func.Blueprint()
QUEUES = bootstrap.settings().queues


@blueprint.route("graph/notifications", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.queue_output("moves", queue_name=QUEUES.moves.name, connection="AzureWebJobsStorage")
@blueprint.queue_output("upkeep", queue_name=QUEUES.upkeep.name, connection="AzureWebJobsStorage")
async def license_assigned(
    req: func.HttpRequest,
    moves: func.Out[List[str]],  # noqa: UP006
    upkeep: func.Out[str],
) -> func.HttpResponse:
    """Answer Graph's handshake, or queue the users that its notifications name.

    A sender with a wrong secret gets the same 202 as Graph. 400: malformed; 413: too much; 503: the
    storage does not answer, and Graph sends it again.
    """
    if (token := req.params.get("validationToken")) is not None:
        return _echo(token)
    try:
        _queue(await bootstrap.app().intake.webhook(req.get_body()), moves, upkeep)
    except TooLargeError as error:
        return func.HttpResponse(
            f"{harmless(str(error))}\n", status_code=413, mimetype="text/plain"
        )
    except InputError as error:
        return func.HttpResponse(
            f"{harmless(str(error))}\n", status_code=400, mimetype="text/plain"
        )
    except StorageError:
        return func.HttpResponse("try again later\n", status_code=503, mimetype="text/plain")
    return func.HttpResponse(status_code=202)


@blueprint.event_grid_trigger("event")
@blueprint.queue_output("moves", queue_name=QUEUES.moves.name, connection="AzureWebJobsStorage")
@blueprint.queue_output("upkeep", queue_name=QUEUES.upkeep.name, connection="AzureWebJobsStorage")
async def license_events(
    event: str,
    moves: func.Out[List[str]],  # noqa: UP006
    upkeep: func.Out[str],
) -> None:
    """Queue the user that one event names; an event that is not ours is dropped and counted.

    As text: with a `func.CloudEvent` the worker itself would fail at an odd time or extension.
    """
    _queue(await bootstrap.app().intake.event(event), moves, upkeep)


def _queue(accepted: Accepted, moves: func.Out[List[str]], upkeep: func.Out[str]) -> None:  # noqa: UP006
    if accepted.messages:
        moves.set([encode(message) for message in accepted.messages])
    if accepted.renew:
        upkeep.set(encode(UpkeepMessage(Upkeep.RENEW)))


def _echo(token: str) -> func.HttpResponse:
    """Repeat Graph's validation token; as plain text that no browser takes for a page."""
    if len(token) > LONGEST_TOKEN:
        return func.HttpResponse(
            "validationToken is too long\n", status_code=400, mimetype="text/plain"
        )
    return func.HttpResponse(
        token, status_code=200, mimetype="text/plain", headers={"X-Content-Type-Options": "nosniff"}
    )
