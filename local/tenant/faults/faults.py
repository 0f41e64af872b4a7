"""Injected faults: their shares, and the dice that decide each time.

Every kind has dice of its own, so that the same seed gives the same faults to the same calls, and
adding one kind does not change when another strikes.
"""

import json
import random
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.tenant.ledger import Ledger
from local.tenant.units import Seconds, Share

ServiceName = Literal["graph", "teams", "identity"]


class FaultsError(Exception):
    """The faults asked for are not understood; the text names the one that is wrong."""


class Faults(BaseModel):
    """The share of occasions, from 0 to 1, on which each fault strikes. All are 0 by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(1, description="the dice's seed")
    services: tuple[ServiceName, ...] = Field(
        ("graph", "teams"), description="whose calls suffer the faults of calls"
    )

    throttled: Share = Field(0.0, description="429 with Retry-After")
    throttled_without_retry_after: Share = Field(0.0, description="429 that does not say how long")
    errors_500: Share = Field(0.0, description="500, and nothing was done")
    errors_503: Share = Field(0.0, description="503, and nothing was done")
    connection_resets: Share = Field(
        0.0, description="the connection breaks, before or after the call took effect"
    )
    timeouts: Share = Field(0.0, description="no answer, before or after the call took effect")
    truncated_bodies: Share = Field(0.0, description="the connection breaks in the middle")
    wrong_json: Share = Field(0.0, description="a complete answer that is not JSON")
    slow_answers: Share = Field(0.0, description="the right answer, late")

    notifications_lost: Share = 0.0
    notifications_doubled: Share = Field(0.0, description="the same notification twice")
    notifications_late: Share = Field(0.0, description="`late_seconds` later")
    notifications_reordered: Share = Field(0.0, description="overtaken by later ones")
    subscriptions_vanish: Share = Field(
        0.0, description="of the changes that a subscription would report"
    )

    delta_tokens_expire: Share = Field(0.0, description="400 syncStateNotFound")
    delta_resyncs: Share = Field(0.0, description="410 with Location")
    page_tokens_expire: Share = Field(
        0.0, description="400 Directory_ExpiredPageToken in the middle of a listing"
    )
    stale_reads: Share = Field(
        0.0, description="a user changed in the last `stale_seconds` is shown as before"
    )
    set_refused: Share = Field(0.0, description="PUT conferencing user: 400, and nothing was done")
    set_fails_but_took_effect: Share = Field(0.0, description="PUT conferencing user: 500, done")
    set_succeeds_but_did_not: Share = Field(0.0, description="PUT conferencing user: 200, not done")

    retry_after_seconds: int = Field(1, ge=0, le=3600)
    slow_seconds: Seconds = 1.0
    timeout_seconds: Seconds = Field(300.0, description="how long a call without answer is held")
    late_seconds: Seconds = 2.0
    stale_seconds: Seconds = 5.0


def parse_faults(text: str | bytes) -> Faults:
    """Faults from JSON text; raises FaultsError that names the fault and the value."""
    try:
        wanted = json.loads(text)
    except ValueError as error:
        raise FaultsError(f"faults: not JSON: {error}") from None
    try:
        return Faults.model_validate(wanted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "faults"
        raise FaultsError(f"{name}: {first['msg']}, not {first['input']!r}") from None


def read_faults(path: Path) -> Faults:
    """Faults from a JSON file; raises FaultsError, also when the file cannot be read."""
    try:
        return parse_faults(path.read_bytes())
    except OSError as error:
        raise FaultsError(f"faults: {path}: {error.strerror}") from None
    except FaultsError as error:
        raise FaultsError(f"{path}: {error}") from None


class Dice:
    """Decides whether a fault strikes now, and counts the ones that did."""

    def __init__(self, ledger: Ledger, faults: Faults | None) -> None:
        self._ledger = ledger
        self._streams: dict[str, random.Random] = {}
        self.faults = Faults()
        self.load(faults or self.faults)

    def load(self, faults: Faults) -> None:
        """Suffer these faults from now on, with fresh dice."""
        self.faults = faults
        self._streams = {}

    def strikes(self, kind: str, service: ServiceName | None = None) -> bool:
        """Throw the dice of one kind; with a service, only if its calls suffer faults."""
        share: float = getattr(self.faults, kind)
        if not share or (service is not None and service not in self.faults.services):
            return False
        struck = self.stream(kind).random() < share
        self._ledger.faults[kind] += struck
        return struck

    def stream(self, kind: str) -> random.Random:
        """The dice of one kind."""
        if kind not in self._streams:
            seed = f"{self.faults.seed}/{kind}"
            self._streams[kind] = random.Random(seed)  # noqa: S311 - not a secret
        return self._streams[kind]

    def refusal(self, service: ServiceName) -> tuple[int, dict[str, str]] | None:
        """The status and headers with which a call is refused before anything is done."""
        if self.strikes("throttled", service):
            return 429, {"Retry-After": str(self.faults.retry_after_seconds)}
        if self.strikes("throttled_without_retry_after", service):
            return 429, {}
        if self.strikes("errors_500", service):
            return 500, {}
        if self.strikes("errors_503", service):
            return 503, {}
        return None
