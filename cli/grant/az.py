"""The sign-in of the Azure CLI: its token for Graph, from a child process.

Source: "az account get-access-token" (learn.microsoft.com/cli/azure/account); its answer is JSON with
`accessToken` and, since version 2.54, `expires_on` in seconds.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import Final

from azure.core.credentials import AccessToken

from cli.errors import CommandError
from shared.clients.identity import CachedTokens
from shared.clients.values import number

_TIMEOUT: Final = 60.0
_UNREACHABLE: Final = 3
_SHORT: Final = 300
"""Seconds for which a token without a known end is used."""

_LONGEST_LIFE: Final = 86_400


class AzTokens(CachedTokens):
    """Tokens of the person who ran `az login`, for one tenant."""

    def __init__(self, tenant: str) -> None:
        super().__init__()
        self._tenant = tenant

    def renew(self) -> None:
        """Do nothing: the Azure CLI keeps its own tokens."""

    def acquire(self, resource: str) -> AccessToken:
        """Ask the Azure CLI; CommandError: it is missing, not signed in, or gives another answer."""
        words = ["account", "get-access-token", "--resource", resource, "--tenant", self._tenant]
        said = run_az([*words, "--output", "json"], f"az login --tenant {self._tenant}")
        try:
            answer = json.loads(said)
            token = str(answer["accessToken"])
            left = number(answer.get("expires_on"), time.time() + _LONGEST_LIFE)
            end = int(left or time.time() + _SHORT + 60)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CommandError("az answered without a token; is it up to date?", 3) from None
        return AccessToken(token, end)


def run_az(words: Sequence[str], to_do: str) -> str:
    """Run the Azure CLI; return what it prints.

    CommandError (status 3) repeats what az said and what to do: `to_do` is a command.
    """
    program = shutil.which("az")
    if program is None:
        raise CommandError(
            f"the Azure CLI (az) is not on PATH: install it, then `{to_do}`; or sign in with "
            "`--sign-in device`",
            _UNREACHABLE,
        )
    try:
        done = subprocess.run(  # noqa: S603 - az itself, without a shell
            [program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"az did not answer ({type(error).__name__})", _UNREACHABLE) from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = next((line for line in lines if line.startswith("ERROR")), "".join(lines[-1:]))
        raise CommandError(
            f"az says: {why.removeprefix('ERROR: ') or f'status {done.returncode}'}\n"
            f"Sign in with `{to_do}` and try again",
            _UNREACHABLE,
        )
    return done.stdout
