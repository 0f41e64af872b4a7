"""Every call of the HTTP API, once: the functions, the OpenAPI document and the tables of the docs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Final

import azure.functions as func

from functions.http.auth import Role
from functions.http.responses import answer, refuse_input
from shared import bootstrap
from shared.settings.settings import ApiAccess


@dataclass(frozen=True, slots=True)
class Route:
    """One call.

        name: of the function, of its handler in `module` (a module of this room, imported at the first
        call, so that an event's cold start does not load what people ask for), and the `operationId`.
    summary, details: for people. answers, takes, csv_query, query_model: names of models in `schemas`.
        query: the parameters, with query_model, unless they are plain texts; csv: it answers CSV, too;
        csv_query: it takes CSV, too, and then these parameters in the query. refusals: its problems, besides
        400, 401 and 403. example: a body; may_be_empty: it may be left out.
    """

    name: str
    method: str
    path: str
    role: Role
    module: str
    summary: str
    answers: str
    status: int = 200
    details: str = ""
    takes: str = ""
    query: tuple[str, ...] = ()
    query_model: str = ""
    headers: tuple[str, ...] = ()
    csv: bool = False
    csv_query: str = ""
    refusals: tuple[int, ...] = (503,)
    example: Mapping[str, object] = field(default_factory=dict)
    may_be_empty: bool = False

    @property
    def problems(self) -> tuple[int, ...]:
        """Its problems, but for 401 and 403: 400 is everyone's, because nothing unknown is passed over."""
        return (400, *self.refusals)

    @property
    def takes_parameters(self) -> bool:
        """Whether it takes parameters; of the calls that change something only one with a CSV body does."""
        return self.method == "GET" or bool(self.csv_query)

    @property
    def takes_body(self) -> bool:
        """Whether it takes a body; of a call that reads it does not matter."""
        return self.method == "GET" or bool(self.takes)


ROUTES: Final = (
    Route(
        "request_moves",
        "POST",
        "moves",
        Role.WRITE,
        "moves",
        "Begin a run over users, a provider's users, or all on a third party",
        "RunView",
        202,
        details="202 with `Location: /api/runs/RUN`",
        takes="MoveBody",
        csv_query="CsvParameters",
        headers=("Idempotency-Key",),
        refusals=(409, 413, 415, 503),
        example={"users": ["adele@contoso.com"], "dry_run": True},
    ),
    Route(
        "list_moves",
        "GET",
        "moves",
        Role.READ,
        "runs",
        "List the requests to move users, dry runs included, the newest first",
        "RunList",
        details="the runs that people and programs began, at most `top` (100); `next` is the following page",
        query=("top", "after"),
        query_model="Paging",
    ),
    Route(
        "list_runs",
        "GET",
        "runs",
        Role.READ,
        "runs",
        "List the runs, the newest first",
        "RunList",
        details="at most `top` (100); `next` is the following page",
        query=("top", "after"),
        query_model="Paging",
    ),
    Route(
        "show_run",
        "GET",
        "runs/{run}",
        Role.READ,
        "runs",
        "Show one run: its state, and its counts so far",
        "RunView",
        refusals=(404, 503),
    ),
    Route(
        "show_results",
        "GET",
        "runs/{run}/results",
        Role.READ,
        "runs",
        "Show each user's outcome",
        "ResultPage",
        details="JSON, 1,000 per page (`next` is the following one), or all as CSV for "
        "`Accept: text/csv`; `details=true`: with names and numbers, 100 per page",
        query=("top", "after", "details"),
        query_model="ResultParameters",
        csv=True,
        refusals=(404, 503),
    ),
    Route(
        "release_run",
        "POST",
        "runs/{run}/release",
        Role.WRITE,
        "runs",
        "Release held users of a run: all, or those whom the body names",
        "HeldDecision",
        202,
        details="they are queued within a minute; 409 when it holds nobody",
        takes="HeldBody",
        refusals=(404, 409, 413, 503),
        example={"provider": "BT", "limit": 50},
        may_be_empty=True,
    ),
    Route(
        "discard_run",
        "POST",
        "runs/{run}/discard",
        Role.WRITE,
        "runs",
        "Take held users off a run's list, all or those whom the body names; nobody is changed",
        "HeldDecision",
        details="409 when it holds nobody",
        takes="HeldBody",
        refusals=(404, 409, 413, 503),
        example={"users": ["adele@contoso.com"]},
        may_be_empty=True,
    ),
    Route(
        "cancel_run",
        "POST",
        "runs/{run}/cancel",
        Role.WRITE,
        "runs",
        "Cancel a run: what was begun is finished, nobody else of it is changed",
        "RunView",
        details="the rest has the outcome `cancelled`, by name; 409 when it has ended",
        takes="Reason",
        refusals=(404, 409, 413, 503),
        example={"ticket": "INC0012345", "note": "wrong list"},
        may_be_empty=True,
    ),
    Route(
        "retry_run",
        "POST",
        "runs/{run}/retry",
        Role.WRITE,
        "moves",
        "Try the users of a run again who failed, as a new run with its options",
        "RunView",
        202,
        details="202 with `Location: /api/runs/RUN`; 409 when nobody failed",
        takes="RetryBody",
        headers=("Idempotency-Key",),
        refusals=(404, 409, 413, 503),
        example={"ticket": "INC0012345"},
        may_be_empty=True,
    ),
    Route(
        "list_held",
        "GET",
        "held",
        Role.READ,
        "runs",
        "List the users whom the guard holds, with provider, signal and run",
        "HeldList",
        details="`?run=RUN`: those of one run",
        query=("run",),
        refusals=(404, 503),
    ),
    Route(
        "list_ready",
        "GET",
        "users/ready",
        Role.READ,
        "users",
        "List the licensed users who are not on Microsoft, counted by provider",
        "ReadyList",
        details="reads the whole tenant",
    ),
    Route(
        "show_user",
        "GET",
        "users/{user}",
        Role.READ,
        "users",
        "Show what is known of one user (id or address), without conference IDs",
        "UserState",
        refusals=(404, 503),
    ),
    Route(
        "forget_user",
        "DELETE",
        "users/{user}",
        Role.WRITE,
        "users",
        "Delete everything that is stored about one person, saved conference IDs included",
        "ForgettingView",
        details="finds earlier addresses, too; the tenant is not changed; it cannot be undone",
        refusals=(404, 409, 503),
    ),
    Route(
        "show_history",
        "GET",
        "users/{user}/history",
        Role.READ,
        "users",
        "Show what happened to one user and was decided about the user, the newest first",
        "HistoryList",
        details="also of one who left: by id, today's or an earlier address; at most `top` records (100), "
        "`next` is the following page; `earlier=true` adds others who had this address in the past, for whom "
        "the tables are read through",
        query=("top", "after", "earlier"),
        query_model="HistoryParameters",
        refusals=(404, 409, 503),
    ),
    Route(
        "show_saved",
        "GET",
        "users/{user}/saved",
        Role.WRITE,
        "users",
        "Show the saved provider entries of one user, conference IDs included",
        "SavedList",
        refusals=(404, 503),
    ),
    Route(
        "list_providers",
        "GET",
        "providers",
        Role.READ,
        "users",
        "List the third-party providers that the tenant knows",
        "ProviderList",
        refusals=(409, 503),
    ),
    Route(
        "list_attention",
        "GET",
        "attention",
        Role.READ,
        "users",
        "List the users who need a person's attention, and why",
        "AttentionList",
    ),
    Route(
        "show_pause",
        "GET",
        "pause",
        Role.READ,
        "admin",
        "Show whether all changes are paused, by whom, since when and why",
        "PauseView",
    ),
    Route(
        "set_pause",
        "POST",
        "pause",
        Role.WRITE,
        "admin",
        "Pause all changes at once, or end the pause",
        "PauseView",
        details="signals are kept, and worked through afterwards",
        takes="PauseBody",
        refusals=(413, 503),
        example={"paused": True, "note": "wrong licenses were assigned"},
    ),
    Route(
        "examine_app",
        "GET",
        "doctor",
        Role.READ,
        "admin",
        "Check everything that the app needs, as the app itself sees it",
        "FindingList",
    ),
    Route(
        "subscribe_now",
        "POST",
        "subscription",
        Role.WRITE,
        "admin",
        "Maintain the change subscription now, as after permissions were granted",
        "SubscriptionView",
    ),
    Route(
        "describe_api",
        "GET",
        "openapi.json",
        Role.READ,
        "admin",
        "Describe all of this as OpenAPI 3.1",
        "",
    ),
)


def blueprint() -> func.Blueprint:
    """Return the functions of all routes.

    Where people sign in, the platform checks who calls, and `answer` what they may do.
    """
    entra = bootstrap.settings().api_access is ApiAccess.ENTRA
    access = func.AuthLevel.ANONYMOUS if entra else func.AuthLevel.FUNCTION
    functions = func.Blueprint()
    for route in ROUTES:
        functions.route(route.path, methods=[route.method], auth_level=access)(_function(route))
    return functions


def refuse(route: Route, req: func.HttpRequest) -> None:
    """Raise PointedError for what a call does not take."""
    refuse_input(
        req,
        parameters=route.takes_parameters,
        body=route.takes_body,
        # A CSV body has its parameters in the address: whoever reads it refuses the others.
        known=None if route.csv_query else route.query,
        fields=route.takes,
    )


def _function(route: Route) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
    async def call(req: func.HttpRequest) -> func.HttpResponse:
        handler = getattr(import_module(f"functions.http.{route.module}"), route.name)
        return await answer(req, route.role, handler, refuse=partial(refuse, route))

    call.__name__ = route.name
    return call
