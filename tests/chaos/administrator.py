"""The administrator of the storm: does the plan's deeds, whatever the services answer meanwhile."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.chaos.plan import Deed, Step
from tests.e2e.tenant import AUDIO_CONFERENCING, GRAPH, Tenant, User

_AT_ONCE: Final = 4
_TIMEOUT: Final = 2.0
_GIVE_UP_AFTER: Final = 300.0
_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


@dataclass
class History:
    """What was done to users, for the truth: times are seconds since 1970.

    licensed: from when to when (None: still), by user. by_hand: the entries that were set by hand,
    in order, as the tenant shows them.
    """

    licensed: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)
    by_hand: dict[str, list[list[dict[str, Any]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    deeds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Deed, 0))
    quiet: list[tuple[str, float, float]] = field(default_factory=list)
    """Why and from when to when nobody may be changed."""


class Administrator:
    """Carries out steps at their time; each user's in order. Context manager: call `close`."""

    def __init__(self, tenant: Tenant, users: Sequence[User]) -> None:
        self._tenant = tenant
        self._http = httpx.Client(base_url=tenant.origin, timeout=_TIMEOUT, trust_env=False)
        self._headers = {"Authorization": f"Bearer {self._token()}"}
        self._by_hand = threading.Lock()
        self._products = self._all_products()
        self.history = History(
            {user["id"]: [(0.0, None)] for user in users if user["licensed"] and user["included"]}
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def carry_out(self, steps: Sequence[Step], seconds: float) -> None:
        """Do all the steps of a storm that takes so long; returns when they are done."""
        began = time.monotonic()
        shares: list[list[Step]] = [[] for _ in range(_AT_ONCE)]
        for step in steps:
            shares[int(step.user[:8], 16) % _AT_ONCE].append(step)

        def work(share: list[Step]) -> None:
            for step in share:
                time.sleep(max(0.0, began + step.at * seconds - time.monotonic()))
                self._do(step)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for done in [pool.submit(work, share) for share in shares]:
                done.result()

    def set_by_hand(self, user: str, provider: str) -> None:
        """Put a user on a third party and remember with which entries."""
        with self._by_hand:
            shown = self._tenant.set_by_hand({"id": user}, provider)
            self.history.by_hand[user].append(shown["entries"])
            self.history.deeds[Deed.SET_BY_HAND] += 1

    def pause(self, app: str, *, on: bool) -> float:
        """Pause all changes, or end that; return when the app had answered."""
        self._until_done("POST", f"{app}/api/pause", {"paused": on, "note": "chaos" if on else ""})
        return time.time()

    def _do(self, step: Step) -> None:
        if step.deed is Deed.SET_BY_HAND:
            self.set_by_hand(step.user, step.provider)
            return
        spans = self.history.licensed.setdefault(step.user, [])
        if step.deed is Deed.LICENSE:
            spans.append((time.time(), None))
            self._license(step.user, add=[AUDIO_CONFERENCING])
            self._products[step.user] = [*self._products.get(step.user, []), AUDIO_CONFERENCING]
        elif step.deed is Deed.UNLICENSE:
            self._license(step.user, remove=self._products.pop(step.user, []))
        else:
            self._until_done("DELETE", f"/v1.0/users/{step.user}")
        if step.deed is not Deed.LICENSE and spans and spans[-1][1] is None:
            spans[-1] = (spans[-1][0], time.time())
        self.history.deeds[step.deed] += 1

    def _license(self, user: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        body = {"addLicenses": [{"skuId": sku} for sku in add], "removeLicenses": list(remove)}
        self._until_done("POST", f"/v1.0/users/{user}/assignLicense", body)

    def _until_done(self, verb: str, path: str, body: object = None) -> None:
        """Call until the service says that it did it. 400 and 404 at a later try: it had done it."""
        give_up = time.monotonic() + _GIVE_UP_AFTER
        tries = 0
        while time.monotonic() < give_up:
            tries += 1
            try:
                status = self._http.request(
                    verb, path, json=body, headers=self._headers
                ).status_code
            except httpx.HTTPError:
                status = 0
            if httpx.codes.is_success(status) or (tries > 1 and status in (400, 404)):
                return
            assert status not in (400, 401, 403, 404), f"{verb} {path}: {status}"
            time.sleep(min(_LONGEST_PAUSE, _PAUSE * tries))
        raise TimeoutError(f"{verb} {path}: not done within {_GIVE_UP_AFTER:g} s")

    def _token(self) -> str:
        params = {"api-version": "2019-08-01", "resource": GRAPH}
        answer = self._http.get("/msi/token", params=params, headers={"X-IDENTITY-HEADER": "local"})
        return str(answer.raise_for_status().json()["access_token"])

    def _all_products(self) -> dict[str, list[str]]:
        """The products of every user, by id."""
        found: dict[str, list[str]] = {}
        url = "/v1.0/users?$select=id,assignedLicenses&$top=999"
        while url:
            page = self._http.get(url, headers=self._headers).raise_for_status().json()
            for user in page["value"]:
                found[user["id"]] = [each["skuId"] for each in user["assignedLicenses"]]
            url = page.get("@odata.nextLink", "")
        return found
