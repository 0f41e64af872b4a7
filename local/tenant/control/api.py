"""The control API below `/_tenant`: what a test or a demonstration can see and do.

Microsoft has nothing like it; the application must not use it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.tenant.clock import stamp
from local.tenant.control.bodies import (
    AdvanceClock,
    DeltaTokens,
    EntriesByHand,
    EntryByHand,
    EventGridAddress,
    EventGridQueue,
    read_body,
)
from local.tenant.control.rights import ControlRights
from local.tenant.control.state import show_user, state_head
from local.tenant.directory.people import ProviderEntry, User
from local.tenant.errors import ControlError
from local.tenant.exchange import Answer, Call, Routes
from local.tenant.faults.faults import Faults, FaultsError, parse_faults
from local.tenant.graph.delta import GraphDelta
from local.tenant.identity.tokens import Tokens
from local.tenant.notifications.notifier import Notifier
from local.tenant.teams.numbers import PROVIDERS
from local.tenant.tenant import Tenant


class ControlApi:
    """Answers calls below `/_tenant`. `path` is without that prefix."""

    def __init__(
        self, tenant: Tenant, tokens: Tokens, notifier: Notifier, delta: GraphDelta
    ) -> None:
        self._tenant = tenant
        self._tokens = tokens
        self._notifier = notifier
        self._delta = delta
        self._routes = routes = Routes()
        routes.add("GET", "/users/{id}", "user", self._user)
        routes.add("POST", "/users/{id}/provider", "set_by_hand", self._set_by_hand)
        routes.add("GET", "/counters", "counters", self._counters)
        routes.add("GET", "/changes", "changes", self._changes)
        routes.add("POST", "/clock", "clock", self._advance)
        routes.add("GET", "/clock", "clock", self._clock)
        routes.add("GET", "/eventgrid", "event_grid", self._event_grid)
        routes.add("PUT", "/eventgrid", "event_grid", self._set_event_grid)
        routes.add("PUT", "/eventgrid/queue", "event_grid", self._set_event_grid_queue)
        routes.add("GET", "/faults", "faults", self._faults)
        routes.add("PUT", "/faults", "faults", self._set_faults)
        routes.add("DELETE", "/faults", "faults", self._clear_faults)
        routes.add("POST", "/delta", "delta", self._delta_tokens)
        routes.add("POST", "/tokens/revoke", "revoke", self._revoke)
        routes.add("GET", "/subscriptions", "subscriptions", self._subscriptions)
        routes.add("POST", "/subscriptions/{id}/reauthorize", "reauthorize", self._reauthorize)
        routes.add("DELETE", "/subscriptions/{id}", "drop", self._drop)
        ControlRights(tenant, tokens).add_to(routes)

    def answer(self, call: Call) -> Answer:
        """Answer one call, except for the streamed `/state`, which the app serves."""
        self._tenant.provisioning.settle()
        try:
            route, params, allowed = self._routes.find(call.method, call.path)
            if route is None:
                status = 405 if allowed else 404
                raise ControlError("path", f"There is nothing at {call.path}.", status)
            handler: Callable[[Call], Any] = route.handler
            answer = handler(replace(call, params=params))
            if not isinstance(answer, Answer):
                raise TypeError("control handlers answer at once")
        except ControlError as error:
            return Answer(error.status, {"error": {"field": error.code, "message": error.message}})
        return answer

    def summary(self) -> dict[str, object]:
        """The state without the users."""
        self._tenant.provisioning.settle()
        return state_head(self._tenant)

    # -- users

    def _user(self, call: Call) -> Answer:
        return Answer(200, show_user(self._find(call)))

    def _set_by_hand(self, call: Call) -> Answer:
        user = self._find(call)
        given = read_body(EntriesByHand, call).entries
        defaults = [entry for entry in given if entry.default]
        if len(defaults) > 1:
            raise ControlError("entries", "Only one entry can be the default one.")
        chosen = defaults[0] if defaults else (given[0] if given else None)
        entries = tuple(self._entry(entry, default=entry is chosen) for entry in given)
        self._tenant.conferencing.set_by_hand(user, entries)
        return Answer(200, show_user(user))

    def _entry(self, given: EntryByHand, *, default: bool) -> ProviderEntry:
        provider = next(p for p in PROVIDERS if p.name == given.name)
        digits = int(self._tenant.new_id()[:8], 16)
        return ProviderEntry(
            name=provider.name,
            domain=provider.domain,
            toll_number=given.toll_number or f"{provider.toll_prefix}{digits % 10_000:04d}",
            toll_free_number=given.toll_free_number,
            passcode=given.passcode or str(1_000_000 + digits % 9_000_000),
            url=f"{provider.url}/{self._tenant.new_id()}",
            default=default,
        )

    def _find(self, call: Call) -> User:
        user = self._tenant.directory.find(call.params["id"], deleted=True)
        if user is None:
            raise ControlError("id", f"There is no user {call.params['id']!r}.", 404)
        return user

    # -- counters, log, clock

    def _counters(self, _: Call) -> Answer:
        pending = {"idle": self._notifier.idle}
        return Answer(200, {**self._tenant.ledger.as_json(), **pending})

    def _changes(self, call: Call) -> Answer:
        changes = self._tenant.ledger.changes
        user = call.query.get("user")
        chosen = changes if user is None else [c for c in changes if c["user"] == user]
        return Answer(200, {"changes": chosen})

    def _clock(self, _: Call) -> Answer:
        return Answer(200, {"now": stamp(self._tenant.clock.now())})

    def _advance(self, call: Call) -> Answer:
        self._tenant.clock.advance(read_body(AdvanceClock, call).advance_seconds)
        self._tenant.provisioning.settle()
        return self._clock(call)

    # -- faults

    def _faults(self, _: Call) -> Answer:
        return Answer(200, self._tenant.dice.faults.model_dump())

    def _set_faults(self, call: Call) -> Answer:
        try:
            self._tenant.dice.load(parse_faults(call.body))
        except FaultsError as error:
            raise ControlError(str(error).partition(":")[0], str(error)) from None
        return self._faults(call)

    def _clear_faults(self, call: Call) -> Answer:
        self._tenant.dice.load(Faults())
        return self._faults(call)

    # -- Graph's moving parts

    def _event_grid(self, _: Call) -> Answer:
        return Answer(200, {"url": self._notifier.event_grid_url})

    def _set_event_grid(self, call: Call) -> Answer:
        self._notifier.event_grid_url = read_body(EventGridAddress, call).url
        self._notifier.event_grid_queue = None
        return self._event_grid(call)

    def _set_event_grid_queue(self, call: Call) -> Answer:
        self._notifier.event_grid_queue = read_body(EventGridQueue, call).url
        return Answer(204)

    def _delta_tokens(self, call: Call) -> Answer:
        tokens = read_body(DeltaTokens, call).tokens
        if tokens == "expire":
            self._delta.expire()
        else:
            self._delta.reset()
        return Answer(200, {"tokens": tokens})

    def _revoke(self, _: Call) -> Answer:
        self._tokens.revoke_all()
        return Answer(200, {"tokens": "revoked"})

    def _subscriptions(self, _: Call) -> Answer:
        live = self._notifier.live()
        return Answer(200, {"subscriptions": [s.as_json(self._tenant.app_id) for s in live]})

    def _reauthorize(self, call: Call) -> Answer:
        self._known_subscription(call)
        self._notifier.ask_to_reauthorize(self._notifier.subscriptions[call.params["id"]])
        return Answer(202, {"id": call.params["id"]})

    def _drop(self, call: Call) -> Answer:
        self._known_subscription(call)
        del self._notifier.subscriptions[call.params["id"]]
        return Answer(200, {"id": call.params["id"]})

    def _known_subscription(self, call: Call) -> None:
        if call.params["id"] not in {s.id for s in self._notifier.live()}:
            raise ControlError("id", f"There is no subscription {call.params['id']!r}.", 404)
