"""The Azure Functions app: registers the blueprints, nothing else."""

import azure.functions as func

from functions.health import blueprint as health
from functions.http import routes
from functions.moves import blueprint as moves
from functions.notifications import blueprint as notifications
from functions.pages import blueprint as pages
from functions.queued_events import blueprint as queued_events
from functions.subscription import blueprint as subscription
from functions.timers import blueprint as timers

app = func.FunctionApp()
for blueprint in (
    *(notifications, queued_events(), moves, timers, subscription, health, pages),
    routes.blueprint(),
):
    app.register_functions(blueprint)
