"""The HTTP API for people and programs; a function key opens it (docs/api.md)."""

import json

import azure.functions as func

from shared.api import answers

blueprint = func.Blueprint()


@blueprint.route("openapi.json", methods=["GET"])
async def describe_api(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name
    """Give the OpenAPI document of these calls."""
    from shared.api import openapi

    return func.HttpResponse(json.dumps(openapi.document()), mimetype="application/json")


@blueprint.route("moves", methods=["POST"])
async def request_moves(req: func.HttpRequest) -> func.HttpResponse:
    """Begin a run over users, a provider's users, or all on a third party: 202 with its address."""
    from shared.api import runs

    key = req.headers.get("Idempotency-Key")
    return await answers.answer(lambda desk: runs.begin(desk, req.get_body(), key))


@blueprint.route("runs", methods=["GET"])
async def list_runs(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name
    """List the runs of this month and the one before, the newest first."""
    from shared.api import runs

    return await answers.answer(runs.listed)


@blueprint.route("runs/{run}", methods=["GET"])
async def show_run(req: func.HttpRequest) -> func.HttpResponse:
    """Show a run with its counts so far."""
    from shared.api import runs

    return await answers.answer(lambda desk: runs.shown(desk, req.route_params["run"]))


@blueprint.route("runs/{run}/results", methods=["GET"])
async def show_results(req: func.HttpRequest) -> func.HttpResponse:
    """Give a run's results: JSON page by page, or CSV for `Accept: text/csv`."""
    from shared.api import runs

    run, after = req.route_params["run"], req.params.get("after", "")
    accept = req.headers.get("Accept", "")
    return await answers.answer(lambda desk: runs.results(desk, run, after, accept))


@blueprint.route("runs/{run}/release", methods=["POST"])
async def release_run(req: func.HttpRequest) -> func.HttpResponse:
    """Let a held sweep go on."""
    from shared.api import runs

    return await answers.answer(lambda desk: runs.released(desk, req.route_params["run"]))


@blueprint.route("users/ready", methods=["GET"])
async def list_ready(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """List the licensed users who are not on Microsoft, counted by provider."""
    from shared.api import users

    return await answers.answer(users.ready)


@blueprint.route("users/{user}", methods=["GET"])
async def show_user(req: func.HttpRequest) -> func.HttpResponse:
    """Show what is known of a user (id or address)."""
    from shared.api import users

    return await answers.answer(lambda desk: users.shown(desk, req.route_params["user"]))


@blueprint.route("users/{user}/saved", methods=["GET"])
async def show_saved(req: func.HttpRequest) -> func.HttpResponse:
    """Give a user's saved provider entries, conference IDs included."""
    from shared.api import users

    return await answers.answer(lambda desk: users.saved(desk, req.route_params["user"]))


@blueprint.route("providers", methods=["GET"])
async def list_providers(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """List the third-party providers that the tenant knows."""
    from shared.api import users

    return await answers.answer(users.providers)


@blueprint.route("attention", methods=["GET"])
async def list_attention(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """List the users for whom a person is needed."""
    from shared.api import users

    return await answers.answer(users.attention)
