"""After the grant: the app creates its subscription and examines itself, until all checks pass."""

import time
from collections.abc import Callable
from typing import Final

from pydantic import BaseModel

from cli.app_api import AppApi, KeyRefusedError
from cli.errors import CommandError
from cli.grant.apply import Step
from cli.output import tell

_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 30.0

SUBSCRIPTION: Final = "change subscription"
TO_COME: Final = Step(
    SUBSCRIPTION,
    "would do",
    "ask the app to create or renew it, then report what its doctor finds",
)


class _Kept(BaseModel):
    subscription: str | None = None
    expires: str | None = None


class _Finding(BaseModel):
    part: str
    verdict: str
    detail: str
    to_do: str | None = None


class _Findings(BaseModel):
    findings: list[_Finding]


def settle(
    app: AppApi,
    wait: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Step]:
    """Return the app's own findings; ask again, for up to `wait` seconds, while any of them is failed.

    A permission that was just granted is not in the tokens that the app already has: Entra and Azure
    need minutes, and Azure's managed identities cache tokens for up to a day ("How to use managed
    identities for App Service and Azure Functions"). KeyRefusedError: the function key is wrong.
    """
    end = monotonic() + wait
    pause = _FIRST_PAUSE
    while True:
        steps = _look(app)
        failed = [step.part for step in steps if step.verdict == "failed"]
        left = end - monotonic()
        if not failed or left <= 0:
            return steps
        tell(f"  not ok yet: {', '.join(failed)}; asking again for {left:.0f} s (--wait)")
        sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _look(app: AppApi) -> list[Step]:
    """Have the app maintain its subscription, then get its findings; failures are findings."""
    to_do = "see the findings below; `acp grant` can be run again at any time"
    try:
        kept = app.read(_Kept, "POST", "subscription")
        expires = f", until {kept.expires}" if kept.expires else ""
        state = Step(SUBSCRIPTION, "ok", f"{kept.subscription}{expires}")
        if not kept.subscription:
            state = Step(SUBSCRIPTION, "failed", "the app has none and gives no reason", to_do)
    except KeyRefusedError:
        raise
    except CommandError as error:
        state = Step(SUBSCRIPTION, "failed", str(error), to_do)
    try:
        findings = app.read(_Findings, "GET", "doctor").findings
    except KeyRefusedError:
        raise
    except CommandError as error:
        return [state, Step("doctor", "failed", str(error), "is the app deployed and running?")]
    return [
        state,
        *(Step(each.part, each.verdict, each.detail, each.to_do or "") for each in findings),
    ]
