"""The HTTP API for people and programs; a function key or a sign-in opens it (docs/api.md)."""

import azure.functions as func

from shared import bootstrap
from shared.api import answers
from shared.api.access import Role
from shared.settings import ApiAccess

blueprint = func.Blueprint()

# Where people sign in, the platform checks who calls and `answers` what they may do.
ACCESS = (
    func.AuthLevel.ANONYMOUS
    if bootstrap.settings().api_access is ApiAccess.ENTRA
    else func.AuthLevel.FUNCTION
)


@blueprint.route("openapi.json", methods=["GET"], auth_level=ACCESS)
async def describe_api(req: func.HttpRequest) -> func.HttpResponse:
    """Give the OpenAPI document of these calls."""
    from shared.api import openapi

    return await answers.answer(req, Role.READ, openapi.described)


@blueprint.route("moves", methods=["POST"], auth_level=ACCESS)
async def request_moves(req: func.HttpRequest) -> func.HttpResponse:
    """Begin a run over users, a provider's users, or all on a third party: 202 with its address."""
    from shared.api import moves

    return await answers.answer(
        req, Role.WRITE, lambda desk: moves.begin(desk, req.get_body(), req.headers, req.params)
    )


@blueprint.route("runs", methods=["GET"], auth_level=ACCESS)
async def list_runs(req: func.HttpRequest) -> func.HttpResponse:
    """List the runs of this month and the one before, the newest first."""
    from shared.api import runs

    return await answers.answer(req, Role.READ, runs.listed)


@blueprint.route("runs/{run}", methods=["GET"], auth_level=ACCESS)
async def show_run(req: func.HttpRequest) -> func.HttpResponse:
    """Show a run with its counts so far."""
    from shared.api import runs

    return await answers.answer(
        req, Role.READ, lambda desk: runs.shown(desk, req.route_params["run"])
    )


@blueprint.route("runs/{run}/results", methods=["GET"], auth_level=ACCESS)
async def show_results(req: func.HttpRequest) -> func.HttpResponse:
    """Give a run's results: JSON page by page, or CSV for `Accept: text/csv`."""
    from shared.api import runs

    run, after = req.route_params["run"], req.params.get("after", "")
    accept = req.headers.get("Accept", "")
    return await answers.answer(req, Role.READ, lambda desk: runs.results(desk, run, after, accept))


@blueprint.route("runs/{run}/release", methods=["POST"], auth_level=ACCESS)
async def release_run(req: func.HttpRequest) -> func.HttpResponse:
    """Let a held sweep go on."""
    from shared.api import runs

    return await answers.answer(
        req, Role.WRITE, lambda desk: runs.released(desk, req.route_params["run"])
    )


@blueprint.route("users/ready", methods=["GET"], auth_level=ACCESS)
async def list_ready(req: func.HttpRequest) -> func.HttpResponse:
    """List the licensed users who are not on Microsoft, counted by provider."""
    from shared.api import users

    return await answers.answer(req, Role.READ, users.ready)


@blueprint.route("users/{user}", methods=["GET"], auth_level=ACCESS)
async def show_user(req: func.HttpRequest) -> func.HttpResponse:
    """Show what is known of a user (id or address)."""
    from shared.api import users

    return await answers.answer(
        req, Role.READ, lambda desk: users.shown(desk, req.route_params["user"])
    )


@blueprint.route("users/{user}/saved", methods=["GET"], auth_level=ACCESS)
async def show_saved(req: func.HttpRequest) -> func.HttpResponse:
    """Give a user's saved provider entries, conference IDs included."""
    from shared.api import users

    return await answers.answer(
        req, Role.WRITE, lambda desk: users.saved(desk, req.route_params["user"])
    )


@blueprint.route("providers", methods=["GET"], auth_level=ACCESS)
async def list_providers(req: func.HttpRequest) -> func.HttpResponse:
    """List the third-party providers that the tenant knows."""
    from shared.api import users

    return await answers.answer(req, Role.READ, users.providers)


@blueprint.route("attention", methods=["GET"], auth_level=ACCESS)
async def list_attention(req: func.HttpRequest) -> func.HttpResponse:
    """List the users for whom a person is needed."""
    from shared.api import users

    return await answers.answer(req, Role.READ, users.attention)


@blueprint.route("doctor", methods=["GET"], auth_level=ACCESS)
async def examine_app(req: func.HttpRequest) -> func.HttpResponse:
    """Examine the app and what it stands on."""
    from shared.api import upkeep

    return await answers.answer(req, Role.READ, upkeep.examined)


@blueprint.route("subscription", methods=["POST"], auth_level=ACCESS)
async def subscribe_now(req: func.HttpRequest) -> func.HttpResponse:
    """Look after the change subscription now."""
    from shared.api import upkeep

    return await answers.answer(req, Role.WRITE, upkeep.subscribed)
