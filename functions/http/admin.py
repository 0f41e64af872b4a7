"""Operations on the app itself: its change subscription, its doctor, and its own description."""

import json
from typing import TYPE_CHECKING

from functions.http.auth import requester
from functions.http.responses import Reply, read, small_body
from functions.http.schemas import FindingList, PauseBody, SubscriptionView
from shared.services.admin.reasons import because
from shared.views.health import FindingView
from shared.views.status import PauseView

if TYPE_CHECKING:
    import azure.functions as func

    from shared.bootstrap.services import App


async def subscribe_now(app: "App", _: "func.HttpRequest") -> Reply:
    """Create or renew the change subscription where that is due; show it."""
    kept = await app.subscriber.keep()
    return Reply(SubscriptionView(subscription=kept.subscription_id, expires=kept.expires_at))


async def examine_app(app: "App", _: "func.HttpRequest") -> Reply:
    """List the findings of the doctor."""
    findings = [FindingView.of(found) async for found in app.doctor.examine()]
    return Reply(FindingList(findings=findings))


async def show_pause(app: "App", _: "func.HttpRequest") -> Reply:
    """Show whether all changes are paused."""
    return Reply(PauseView.of(await app.pauses.current()))


async def set_pause(app: "App", req: "func.HttpRequest") -> Reply:
    """Pause all changes, or end the pause."""
    asked = await read(PauseBody, small_body(req))
    by = because(requester(req), asked.ticket, asked.note)
    if asked.paused:
        return Reply(PauseView.of(await app.pauses.pause(by.note, by)))
    await app.pauses.end(by)
    return Reply(PauseView.of(None))


async def describe_api(_: "App", __: "func.HttpRequest") -> Reply:
    """Return the OpenAPI document of this API."""
    from functions.http.openapi import document  # noqa: PLC0415 - nothing else needs it

    return Reply(text=json.dumps(document()))
