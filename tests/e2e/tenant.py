"""The simulated tenant as a child process: what a test can do to it and see of it."""

import os
from pathlib import Path
from typing import Any

import httpx

from local.commands import START_LIMIT, TenantProcess
from local.waiting import wait_until
from local.worlds import World

GRAPH = "https://graph.microsoft.com"
TEAMS = "48ac35b8-9aa8-4d74-927d-1f4a14a0b239"

AUDIO_CONFERENCING = "0c266dff-15dd-4b49-8397-2bb16070ed52"
"""A product with a conferencing plan."""

OFFICE_365_E3 = "6fd2c87f-b296-42f0-b197-1e91e994b900"
"""A product without one: assigning it makes Graph notify and changes nobody's conferencing."""

MICROSOFT = "Microsoft"

WORLD = World(os.environ.get("E2E_WORLD", World.THIRD_PARTIES))
"""The world of this run; `make worlds` goes through all of them."""

FORMS = os.environ.get("E2E_TENANT", "").split()
"""Further options of `acp tenant` in this run, such as `--continuation token`."""

User = dict[str, Any]
"""A user as `/_tenant/state` shows it."""

TIME_LIMIT = START_LIMIT
"""Seconds that anything may take: the machine may be busy with something else."""


class Tenant(TenantProcess):
    """A tenant whose users tests take; strict: the app may do only what its identity was granted.

    rate: calls a second that Teams takes, if limited.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: int,
        seed: int = 1,
        lag: float = 0,
        strict: bool = False,
        rate: float | None = None,
    ) -> None:
        options: list[object] = ["--enforce-permissions"] if strict else []
        options += ["--teams-rate", rate] if rate else []
        options += FORMS
        super().__init__(folder, users=users, seed=seed, lag=lag, world=WORLD, options=options)
        self._tokens: dict[str, str] = {}
        self._taken: set[str] = set()

    # -- what there is to see

    def users(self) -> list[User]:
        """Every user."""
        users: list[User] = self.control("GET", "state")["users"]
        return users

    def user(self, user_id: str) -> User:
        """One user as it is now."""
        return self.control("GET", f"users/{user_id}")

    def changes(self) -> list[dict[str, Any]]:
        """Every change of anybody's conferencing so far, oldest first."""
        changes: list[dict[str, Any]] = self.control("GET", "changes")["changes"]
        return changes

    def subscriptions(self) -> list[dict[str, Any]]:
        """The subscriptions that Graph has."""
        found: list[dict[str, Any]] = self.control("GET", "subscriptions")["subscriptions"]
        return found

    def counters(self) -> dict[str, Any]:
        """The counters of calls, faults and notifications."""
        return self.control("GET", "counters")

    def writes(self) -> int:
        """How many calls so far tried to set a user's conferencing."""
        teams = self.counters()["calls"].get("teams", {})
        return sum(teams.get("set_conferencing_user", {}).values())

    def toll_numbers(self) -> list[str]:
        """The toll numbers of the default bridge, its default one first."""
        return self.numbers("Toll")

    def numbers(self, kind: str, *, default: bool = True) -> list[str]:
        """The numbers of a kind (Toll, TollFree) of the default bridge, or of the other."""
        bridges: list[dict[str, Any]] = self._teams("GET", "/Teams.Cpc/bridges/").json()
        bridge = next(bridge for bridge in bridges if bridge["isDefault"] is default)
        return [n["number"] for n in bridge["serviceNumbers"] if n["type"] == kind]

    # -- choosing users

    def take(
        self, kind: str, *, third_party: bool = False, entries: int | None = None, at: str = ""
    ) -> User:
        """A user of a kind whom no test has taken yet.

        third_party: only one whose provider is a third party. entries: only one with so many
        provider entries. at: only one with this usage location.
        """
        for user in self.users():
            if (
                user["id"] not in self._taken
                and user["kind"] == kind
                and not (third_party and user["provider"] in (None, MICROSOFT))
                and entries in (None, len(user["entries"]))
                and at in ("", user["usageLocation"])
            ):
                self._taken.add(user["id"])
                return user
        raise LookupError(f"the tenant has no more such users of kind {kind}")

    def any_user(self, kind: str) -> User:
        """A user of a kind whom no test has taken, and whom this one leaves to others."""
        user = self.take(kind)
        self._taken.remove(user["id"])
        return user

    # -- what an administrator does

    def assign(self, user: User, sku: str = AUDIO_CONFERENCING) -> None:
        """Assign a product, as an administrator does in Graph; Graph then notifies."""
        body = {"addLicenses": [{"skuId": sku}], "removeLicenses": []}
        self._graph("POST", f"/v1.0/users/{user['id']}/assignLicense", body)

    def group(self, *users: User) -> str:
        """Make a group of these users, as an administrator does in Graph; return its id."""
        body = {
            "displayName": "Group",
            "mailEnabled": False,
            "mailNickname": "group",
            "securityEnabled": True,
            "members@odata.bind": [f"{self.origin}/v1.0/users/{user['id']}" for user in users],
        }
        return str(self._graph("POST", "/v1.0/groups", body).json()["id"])

    def nudge(self, user: User) -> None:
        """Make Graph notify about a user whose conferencing stays what it is."""
        self.assign(user, OFFICE_365_E3)

    def delete(self, user: User) -> None:
        """Move the account to the deleted items; Graph then notifies."""
        self._graph("DELETE", f"/v1.0/users/{user['id']}")

    def rename(self, user: User, name: str) -> None:
        """Give a user another principal name; Graph then notifies."""
        self._graph("PATCH", f"/v1.0/users/{user['id']}", {"userPrincipalName": name})

    def give_mail(self, user: User, address: str) -> str:
        """Give a user a mail address that is not the principal name; return it."""
        self._graph("PATCH", f"/v1.0/users/{user['id']}", {"mail": address})
        return address

    def set_by_hand(self, user: User, *providers: str) -> User:
        """Put a user back on third parties, as somebody with a script of his own would."""
        entries = [{"name": name} for name in providers]
        return self.control("POST", f"users/{user['id']}/provider", {"entries": entries})

    def advance(self, seconds: float) -> None:
        """Move the tenant's clock forward."""
        self.control("POST", "clock", {"advance_seconds": seconds})

    def deliver_events_to(self, url: str) -> None:
        """Let the tenant's Event Grid post its CloudEvents there."""
        self.control("PUT", "eventgrid", {"url": url})

    def deliver_events_into(self, queue: str) -> None:
        """Let the tenant's Event Grid put its CloudEvents into a Storage queue at this address."""
        answer = self.http.put("/_tenant/eventgrid/queue", json={"url": queue})
        answer.raise_for_status()

    def wait_until_delivered(self) -> None:
        """Wait until no notification is on its way."""
        wait_until(lambda: self.counters()["idle"], "all notifications delivered", TIME_LIMIT)

    # -- plumbing

    def _graph(self, verb: str, path: str, body: object = None) -> httpx.Response:
        answer = self.http.request(verb, path, json=body, headers=self._token(GRAPH))
        return answer.raise_for_status()

    def _teams(self, verb: str, path: str) -> httpx.Response:
        names = ("X-MS-Target-Uri", "X-MS-Correlation-Id", "X-MS-CmdletName", "X-MS-Forest")
        headers = dict.fromkeys(names, "e2e") | self._token(TEAMS)
        return self.http.request(verb, path, headers=headers).raise_for_status()

    def _token(self, resource: str) -> dict[str, str]:
        if resource not in self._tokens:
            answer = self.http.get(
                "/msi/token",
                params={"api-version": "2019-08-01", "resource": resource},
                headers={"X-IDENTITY-HEADER": "local"},
            )
            self._tokens[resource] = answer.raise_for_status().json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[resource]}"}
