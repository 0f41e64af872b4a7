"""Everything that the app stands on, and the app itself wired to it: real services, real tables."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

import httpx

from shared.bootstrap.adapters import Adapters
from shared.bootstrap.services import App
from shared.settings.settings import Settings
from shared.storage.tables import Tables
from tests.fakes import FakeRoster
from tests.simulation.fate import Gate, Process
from tests.simulation.graph import GraphWorld, SimulatedGraph
from tests.simulation.line import Line, Throttle
from tests.simulation.people import EXCLUDED_GROUP, People
from tests.simulation.queues import Bin, SimulatedQueue
from tests.simulation.storage import Account, TableService
from tests.simulation.teams import SimulatedTeams, TeamsWorld

if TYPE_CHECKING:
    from shared.clients.graph import GraphClient
    from shared.clients.teams import TeamsClient
    from shared.clients.teams_documented import DocumentedTeams
    from shared.storage.queue import MessageQueue
    from shared.storage.roster import RosterTable

TENANT = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"

Wiring = Callable[[App], None]
"""Changes an app once it is built: how a named fault is put back."""


@dataclass
class World:
    """One universe's services and storage. wiring: done to each process's app."""

    gate: Gate
    people: People
    rng: random.Random
    wiring: Wiring = lambda _: None
    account: Account = field(default_factory=Account)
    queues: dict[str, Bin] = field(default_factory=dict)
    throttles: dict[str, Throttle] = field(default_factory=dict)
    defects: list[BaseException] = field(default_factory=list)
    """Exceptions that no part of the app or of the host expects."""

    def __post_init__(self) -> None:
        self.graph = GraphWorld(self.people, self.rng)
        self.teams = TeamsWorld(self.people, self.rng)
        self.throttles |= {"Graph": Throttle(), "Teams": Throttle()}
        for name in ("moves", "moves-requests", "moves-upkeep", "moves-events"):
            for each in (name, f"{name}-poison"):
                self.queues[each] = Bin(each)

    def app(self, process: Process, settings: Settings) -> App:
        """Return the real app in a process."""
        app = App(settings)
        app.adapters = SimulatedAdapters(settings, self, process)
        self.wiring(app)
        return app


class SimulatedAdapters(Adapters):
    """The app's adapters, each over the world in place of Azure and Microsoft 365."""

    def __init__(self, settings: Settings, world: World, process: Process) -> None:
        super().__init__(settings)
        self.world = world
        self.process = process
        self.clock = cast("Any", process.clock)

    @cached_property
    def documented_teams(self) -> "DocumentedTeams":
        return _documented_teams()

    @cached_property
    def roster(self) -> "RosterTable":
        return cast("RosterTable", FakeRoster())  # a picture for people; it decides nothing

    @cached_property
    def graph(self) -> "GraphClient":
        graph = SimulatedGraph(self.world.graph, self._line("Graph"), self.rules.groups)
        return cast("GraphClient", graph)

    @cached_property
    def teams(self) -> "TeamsClient":
        return cast("TeamsClient", SimulatedTeams(self.world.teams, self._line("Teams")))

    @cached_property
    def tables(self) -> Tables:
        service = TableService(self.world.account, self.world.gate, self.process)
        return Tables(cast("Any", service), "")

    def queue(self, name: str) -> "MessageQueue":
        if name not in self._queues:
            content = self.world.queues[name]
            self._queues[name] = SimulatedQueue(content, self.world.gate, self.process)
        return self._queues[name]

    def _line(self, name: str) -> Line:
        world = self.world
        return Line(
            name,
            world.gate,
            self.process,
            throttle=world.throttles[name],
            rng=world.rng,
            in_flight=self.settings.max_calls_in_flight,
        )


@cache
def _documented_teams() -> "DocumentedTeams":
    """Return the one client of all universes: nothing of the world is asked over HTTP."""
    adapters = Adapters(settings())
    adapters.http = httpx.AsyncClient(transport=httpx.MockTransport(_refuse), trust_env=False)
    return adapters.documented_teams


def _refuse(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"the simulation asked {request.url}")


@cache
def settings(**changed: str) -> Settings:
    """Return the app's settings: the defaults, and what is changed (`mode="report"`)."""
    environment = {
        "ACP_TENANT_ID": TENANT,
        "ACP_PUBLIC_URL": "https://acp.example",
        "ACP_EXCLUDED_GROUPS": EXCLUDED_GROUP,
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "ACP_DELIVERY": "eventgrid-queue",
        "ACP_EVENT_GRID_SUBSCRIPTION": TENANT,
        "ACP_EVENT_GRID_RESOURCE_GROUP": "acp",
        "ACP_EVENT_GRID_TOPIC": "users",
        "ACP_EVENT_GRID_LOCATION": "westeurope",
    }
    environment |= {f"ACP_{name.upper()}": value for name, value in changed.items()}
    return Settings.from_environment(environment)
