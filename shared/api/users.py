"""Operations on users: who is ready, who needs attention, and all that is known of one."""

from collections import Counter
from typing import TYPE_CHECKING

from shared.api.answers import Reply
from shared.api.models import (
    AttentionList,
    AttentionView,
    EntryView,
    ProviderList,
    ProviderView,
    ReadyList,
    ReadyView,
    SavedList,
    UserState,
)
from shared.userlists.names import user_name

if TYPE_CHECKING:
    from shared.desk import Desk


async def ready(desk: "Desk") -> Reply:
    """List the licensed users who are not on Microsoft, read from Teams and Graph now."""
    users = [
        ReadyView(
            user=found.upn,
            id=found.user_id,
            provider=found.provider,
            action=str(found.action),
            reason=found.reason,
        )
        async for found in desk.finder.ready()
    ]
    return Reply(ReadyList(by_provider=Counter(user.provider for user in users), users=users))


async def attention(desk: "Desk") -> Reply:
    """List the users for whom a person is needed."""
    rows = [AttentionView.of(row) async for row in desk.app.waiting.attention()]
    return Reply(AttentionList(users=rows))


async def providers(desk: "Desk") -> Reply:
    """List the third-party providers that the tenant knows."""
    known = await desk.app.teams.providers()
    views = [ProviderView(name=each.name, domain=each.domain, url=each.url) for each in known]
    return Reply(ProviderList(providers=views))


async def shown(desk: "Desk", user: str) -> Reply:
    """Show what is known of one user."""
    view = await desk.shower.show(user_name(user))
    service, known, waiting = view.service, view.known, view.waiting
    return Reply(
        UserState(
            user=view.directory.upn,
            id=view.directory.id,
            plan=str(view.directory.plan_status) if view.directory.plan_status else None,
            provider=service.provider.name if service and service.provider else None,
            action=str(view.decision.action),
            reason=view.decision.reason,
            entries=[
                EntryView(
                    provider=entry.name,
                    default=entry.default,
                    toll_number=entry.toll_number,
                    toll_free_number=entry.toll_free_number,
                )
                for entry in (service.entries if service else ())
            ],
            outcome=str(known.outcome) if known else None,
            moved_at=known.moved_at if known else None,
            waits_because=waiting.reason if waiting else None,
            due=waiting.due if waiting else None,
            saved_records=len(view.saved),
        )
    )


async def saved(desk: "Desk", user: str) -> Reply:
    """Give the saved entries of one user."""
    found = await desk.shower.find(user_name(user))
    return Reply(SavedList.of(found.upn, await desk.app.replaced.of(found.id)))
