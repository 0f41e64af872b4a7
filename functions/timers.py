"""What runs by the clock: the sweep, the second look at waiting users, the subscription's upkeep."""

import azure.functions as func

from shared import bootstrap

blueprint = func.Blueprint()
SETTINGS = bootstrap.settings()


@blueprint.timer_trigger("timer", schedule=SETTINGS.sweep_schedule)
async def sweep_providers(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Look at every user; queue those who are not on Microsoft."""
    await bootstrap.app().sweeper.sweep()


@blueprint.timer_trigger("timer", schedule=SETTINGS.recheck_schedule)
async def recheck_waiting(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Queue the waiting users whose time has come."""
    await bootstrap.app().rechecker.recheck()


@blueprint.timer_trigger("timer", schedule=SETTINGS.subscription_schedule)
async def keep_subscription(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Create the change subscription when absent, renew it well before its end."""
    await bootstrap.app().subscriber.keep()
