"""Anonymous health check; deliberately terse."""

import json

import azure.functions as func

from shared import __version__, bootstrap

blueprint = func.Blueprint()


@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name
    """Answer version, whether changes are paused, and what answers: 200 all well, 503 not all."""
    health = bootstrap.app().health
    checks = await health.check()
    well = all(state == "ok" for state in checks.values())
    content: dict[str, object] = {"version": __version__, "status": "ok" if well else "failing"}
    content["checks"] = checks
    content["capabilities"] = dict(await bootstrap.app().capabilities.shown())
    if health.paused:
        content["paused"] = True
    return func.HttpResponse(
        json.dumps(content), status_code=200 if well else 503, mimetype="application/json"
    )
