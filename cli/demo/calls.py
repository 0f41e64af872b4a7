"""The demo's own calls: to the tenant as its administrator, and to the host's admin endpoints."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from cli.demo.summary import TenantUser
from cli.errors import CommandError

AUDIO_CONFERENCING: Final = "0c266dff-15dd-4b49-8397-2bb16070ed52"
"""The product (SKU) MCOMEETADV, Microsoft Teams Audio Conferencing."""

_TIMEOUT: Final = 60.0

Json = dict[str, Any]


class Control:
    """Calls the tenant and the host. Every method raises `CommandError` when a call fails."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._host = ""
        # trust_env: no proxy stands between this machine and itself.
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    def found_host(self, origin: str) -> None:
        """Remember where the host is: it starts after the tenant."""
        self._host = origin

    # -- the tenant

    async def summary(self) -> Json:
        """The tenant's id and totals."""
        return await self._call("GET", f"{self._tenant}/_tenant/state?summary=true")

    async def users(self) -> list[TenantUser]:
        """Every user of the tenant."""
        state = await self._call("GET", f"{self._tenant}/_tenant/state")
        return [TenantUser.read(raw) for raw in state["users"]]

    async def changes(self) -> Sequence[Mapping[str, Any]]:
        """Every change of a user's conferencing, oldest first."""
        found: list[Json] = (await self._call("GET", f"{self._tenant}/_tenant/changes"))["changes"]
        return found

    async def counters(self) -> Json:
        """The tenant's counters of calls and notifications."""
        return await self._call("GET", f"{self._tenant}/_tenant/counters")

    async def graph_token(self) -> str:
        """A token for Graph, of the tenant's administrator."""
        answer = await self._call("POST", f"{self._tenant}/_tenant/administrator/token", json={})
        return str(answer["accessToken"])

    async def identity(self) -> str:
        """The object id of the app's identity."""
        return str((await self._call("GET", f"{self._tenant}/_tenant/identity"))["principalId"])

    async def assign_license(self, user: TenantUser, token: str) -> None:
        """Assign Audio Conferencing to a user, as the admin center does."""
        await self._call(
            "POST",
            f"{self._tenant}/v1.0/users/{user.id}/assignLicense",
            headers={"Authorization": f"Bearer {token}"},
            json={"addLicenses": [{"skuId": AUDIO_CONFERENCING}], "removeLicenses": []},
        )

    async def set_provider(self, user: TenantUser, provider: str) -> None:
        """Put a user on a third party by hand; nothing notifies the app."""
        await self._call(
            "POST",
            f"{self._tenant}/_tenant/users/{user.id}/provider",
            json={"entries": [{"name": provider}]},
        )

    async def suffer(self, **faults: object) -> None:
        """Have the tenant's calls suffer these faults from now on; none: no fault."""
        await self._call("PUT", f"{self._tenant}/_tenant/faults", json=faults)

    # -- the host

    async def move(self, users: Sequence[TenantUser]) -> str:
        """Ask the app to move users, as a person does; return the run."""
        body = {"users": [user.id for user in users], "expected": len(users)}
        return str((await self._call("POST", f"{self._host}/api/moves", json=body))["id"])

    async def run_state(self, run: str) -> str:
        """Return the state of a run."""
        return str((await self._call("GET", f"{self._host}/api/runs/{run}"))["state"])

    async def run_function(self, name: str, given: str = "") -> None:
        """Run a function now and wait for its end. given: its queue message."""
        url = f"{self._host}/admin/functions/{name}?wait=true"
        await self._call("POST", url, json={"input": given})

    async def functions(self) -> Mapping[str, Mapping[str, Any]]:
        """Each function with its counters `running`, `succeeded` and `failed`."""
        found: Json = (await self._call("GET", f"{self._host}/admin/host/status"))["functions"]
        return found

    async def _call(self, method: str, url: str, **options: Any) -> Json:
        try:
            answer = await self._http.request(method, url, **options)
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise CommandError(f"{method} {url} got no answer ({what})") from error
        if not answer.is_success:
            body = " ".join(answer.text.split())[:300]
            raise CommandError(f"{method} {url} was answered with {answer.status_code}: {body}")
        content: Json = answer.json()
        return content
