"""Maintains the change subscription: on a schedule, at start-up, and when Graph asks for it."""

import azure.functions as func

from shared import bootstrap
from shared.concurrency import each_of

blueprint = func.Blueprint()
SETTINGS = bootstrap.settings()


@blueprint.timer_trigger("timer", schedule=SETTINGS.subscription_schedule, run_on_startup=True)
async def keep_subscription(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Create the subscription when absent, renew it well before its end, replace an old secret.

    It runs at start, so the rules of the settings are checked against the tenant here, too, and once a
    day the app reads what the service tells and takes.
    """
    app = bootstrap.app()
    await each_of(
        app.protection.remember,
        app.subscriber.keep,
        app.rule_checker.check,
        app.capabilities.look_if_due,
    )
