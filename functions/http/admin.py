"""Operations on the app itself: its change subscription, its doctor, and its own description."""

import json
from typing import TYPE_CHECKING

from functions.http.responses import Reply
from functions.http.schemas import FindingList, SubscriptionView
from shared.views import FindingView

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


async def describe_api(_: "App", __: "func.HttpRequest") -> Reply:
    """Return the OpenAPI document of this API."""
    from functions.http.openapi import document  # noqa: PLC0415 - nothing else needs it

    return Reply(text=json.dumps(document()))
