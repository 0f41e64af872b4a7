"""Operations on the app itself: look after the change subscription now, and examine everything."""

from typing import TYPE_CHECKING

from shared.api.answers import Reply
from shared.api.models import FindingList, FindingView, SubscriptionView

if TYPE_CHECKING:
    from shared.desk import Desk


async def subscribed(desk: "Desk") -> Reply:
    """Create or renew the change subscription where that is due; tell which there is."""
    kept = await desk.app.subscriber.keep()
    return Reply(SubscriptionView(subscription=kept.subscription_id, expires=kept.expires_at))


async def examined(desk: "Desk") -> Reply:
    """Give the findings of the doctor."""
    findings = [
        FindingView(
            part=found.part, verdict=str(found.verdict), detail=found.detail, to_do=found.to_do
        )
        async for found in desk.doctor.examine()
    ]
    return Reply(FindingList(findings=findings))
