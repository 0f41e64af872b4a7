"""The Azure Functions app: registers the blueprints, nothing else."""

import azure.functions as func

from functions.api import blueprint as api
from functions.health import blueprint as health
from functions.license_events import blueprint as license_events
from functions.moves import blueprint as moves
from functions.subscription import blueprint as subscription
from functions.timers import blueprint as timers

app = func.FunctionApp()
for blueprint in (license_events, moves, timers, subscription, health, api):
    app.register_functions(blueprint)
