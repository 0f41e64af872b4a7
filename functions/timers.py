"""Timers: the sweep, the catch-up, rechecks, poison messages, metrics."""

import azure.functions as func

from shared import bootstrap
from shared.concurrency import each_of

blueprint = func.Blueprint()
SETTINGS = bootstrap.settings()


@blueprint.timer_trigger("timer", schedule=SETTINGS.sweep_schedule)
async def sweep_providers(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Sweep all users; queue those who are not on Microsoft."""
    await bootstrap.app().sweeper.sweep()


@blueprint.timer_trigger("timer", schedule=SETTINGS.recheck_schedule)
async def resume_sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Queue the users who were released, resume a sweep, and tell runs what became of their users."""
    app = bootstrap.app()
    await each_of(app.releases.resume, app.sweeper.resume, app.run_outcomes.update)


@blueprint.timer_trigger("timer", schedule=SETTINGS.catch_up_schedule)
async def catch_up(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Queue everybody whose license changed, whatever notifications were lost."""
    await bootstrap.app().catch_up.catch_up()


@blueprint.timer_trigger("timer", schedule=SETTINGS.recheck_schedule)
async def recheck_waiting(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Queue the waiting users who are due."""
    await bootstrap.app().rechecker.recheck()


@blueprint.timer_trigger("timer", schedule=SETTINGS.catch_up_schedule)
async def record_poison(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Record what failed repeatedly: users who need attention, runs that are interrupted."""
    app = bootstrap.app()
    await each_of(app.poison.record, app.failed_pages.record, app.failed_events.record)


@blueprint.timer_trigger("timer", schedule=SETTINGS.catch_up_schedule)
async def measure(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Log what is left to do and how current the app's data is, for workbook and alerts."""
    await bootstrap.app().metrics.measure()


@blueprint.timer_trigger("timer", schedule=SETTINGS.janitor_schedule)
async def clean_up(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Delete what is older than the settings keep it."""
    await bootstrap.app().janitor.clean()
