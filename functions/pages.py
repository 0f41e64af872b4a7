"""The console's only function: all of its pages, so that an event's cold start knows nothing of them."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route("console/{*path}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def console(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with a page of the console; who may see it is checked there."""
    from functions.console.door import answer  # noqa: PLC0415 - only who opens the console needs it

    return await answer(req)
