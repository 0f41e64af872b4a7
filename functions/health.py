"""Anonymous health check; deliberately terse."""

import json

import azure.functions as func

from shared import __version__, bootstrap

blueprint = func.Blueprint()


@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's name
    """Answer version and whether storage, Graph and Teams answer: 200 all well, 503 not all."""
    checks = await bootstrap.app().health.check()
    well = all(state == "ok" for state in checks.values())
    content = {
        "version": __version__,
        "status": "ok" if well else "failing",
        "checks": checks,
        "capabilities": dict(await bootstrap.app().capabilities.shown()),
    }
    return func.HttpResponse(
        json.dumps(content), status_code=200 if well else 503, mimetype="application/json"
    )
