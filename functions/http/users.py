"""Operations on users: who is ready, who needs attention, and all that is known of one."""

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from functions.http.auth import requester
from functions.http.responses import Reply, next_page, query_of, read_query
from functions.http.schemas import (
    AttentionList,
    HistoryList,
    HistoryParameters,
    ProviderList,
    ReadyList,
    SavedList,
)
from shared.userlists.names import user_name
from shared.views.users import (
    AttentionView,
    ForgettingView,
    HistoryView,
    ProviderView,
    ReadyView,
    SavedEntry,
    UserState,
)

if TYPE_CHECKING:
    import azure.functions as func

    from shared.bootstrap.services import App


async def list_ready(app: "App", _: "func.HttpRequest") -> Reply:
    """List the licensed users who are not on Microsoft, read from Teams and Graph now."""
    users = [ReadyView.of(found) async for found in app.finder.ready()]
    return Reply(ReadyList(by_provider=Counter(user.provider for user in users), users=users))


async def list_attention(app: "App", _: "func.HttpRequest") -> Reply:
    """List the users who need a person's attention."""
    rows = [AttentionView.of(row) async for row in app.adapters.waiting.attention()]
    return Reply(AttentionList(users=rows))


async def list_providers(app: "App", _: "func.HttpRequest") -> Reply:
    """List the third-party providers that the tenant knows."""
    known = await app.adapters.teams.providers()
    return Reply(ProviderList(providers=[ProviderView.of(each) for each in known]))


async def show_user(app: "App", req: "func.HttpRequest") -> Reply:
    """Show what is known of one user."""
    view = await app.user_reader.show(user_name(req.route_params["user"]))
    return Reply(UserState.of(view))


async def show_history(app: "App", req: "func.HttpRequest") -> Reply:
    """Show what happened to one user, whether or not the directory still knows the user."""
    name = user_name(req.route_params["user"])
    asked = read_query(HistoryParameters, query_of(req.url))
    page = await app.user_history.read(name, asked.top, asked.after, earlier=asked.earlier)
    also = {"earlier": "true"} if asked.earlier else {}
    return Reply(
        HistoryList(
            id=page.person.id,
            records=[HistoryView.of(record) for record in page.records],
            next=next_page(f"users/{quote(name)}/history", page.more, asked.top, **also),
        )
    )


async def show_saved(app: "App", req: "func.HttpRequest") -> Reply:
    """Show the saved entries of one user."""
    found = await app.user_reader.find(user_name(req.route_params["user"]))
    records = await app.saved_ids.read(found.id, requester(req))
    entries = [entry for record in records for entry in SavedEntry.all_of(record)]
    return Reply(SavedList(user=found.upn, entries=entries))


async def forget_user(app: "App", req: "func.HttpRequest") -> Reply:
    """Delete what is stored about one person."""
    found = await app.forgetter.find(user_name(req.route_params["user"]))
    done = await app.forgetter.forget(found, requester(req))
    return Reply(ForgettingView.of(done))
