"""Upkeep: the tick and its queue, the nightly sweep, the janitor."""

import azure.functions as func

from shared import bootstrap
from shared.storage.codec import decode_upkeep

blueprint = func.Blueprint()
SETTINGS = bootstrap.settings()


@blueprint.timer_trigger("timer", schedule=SETTINGS.tick_schedule)
async def tick(timer: func.TimerRequest) -> None:
    """Do what is due every minute or every few minutes; the parts stand in `App.ticker`."""
    await bootstrap.app().ticker.tick(missed=timer.past_due)


@blueprint.queue_trigger(
    "message", queue_name=SETTINGS.queues.upkeep.name, connection="AzureWebJobsStorage"
)
async def run_upkeep(message: func.QueueMessage) -> None:
    """Do one part of the upkeep: it takes long, or Graph asks for it (`reauthorizationRequired`)."""
    await bootstrap.app().ticker.run(decode_upkeep(message.get_body()).part)


@blueprint.timer_trigger("timer", schedule=SETTINGS.sweep_schedule)
async def sweep_providers(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Sweep all users; queue those who are not on Microsoft."""
    await bootstrap.app().sweeper.sweep()


@blueprint.timer_trigger("timer", schedule=SETTINGS.janitor_schedule)
async def clean_up(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Delete what is older than the settings keep it."""
    await bootstrap.app().janitor.clean()
