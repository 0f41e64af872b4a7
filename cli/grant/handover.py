"""Handover text for an administrator who has the rights that the caller lacks. Pure: no I/O."""

import shlex
from collections.abc import Mapping, Sequence

from cli.grant.needs import DECISIVE, Need
from cli.grant.sign_in_app import ConsoleSignIn
from cli.grant.wire import GRAPH_APP_ID


def handover(
    *,
    tenant: str,
    identity: str,
    needs: Sequence[Need],
    role: str | None,
    environment: Mapping[str, str],
    console: ConsoleSignIn | None = None,
) -> str:
    """Return a text with the command to run, and the same as a list for other tools.

    role: name or id of the Entra role; None: none is needed. environment: the source of the settings
    that matter. console: the app registration to complete (Application Administrator).
    """
    settings = [
        f"{name}={shlex.quote(environment[name])}"
        for name in ("ACP_CLOUD", *DECISIVE)
        if environment.get(name)
    ]
    words = ["acp", "grant", "--tenant", tenant, "--identity", identity]
    words += ["--role", role] if role else []
    words += ["--console", console.client_id, "--app", console.url] if console else []
    command = " ".join([*settings, shlex.join(words)])
    to_grant = [need for need in needs if not need.optional]
    return "\n".join(
        [
            "Ask a Privileged Role Administrator of the tenant (or a Global Administrator).",
            "That person runs, in a copy of this project:",
            "",
            f"    az login --tenant {tenant} --allow-no-subscriptions",
            f"    {command}",
            "",
            f"or gives the managed identity {identity}, with any other tool:",
            "",
            *(
                f"    application permission {need.permission} of Microsoft Graph "
                f"({GRAPH_APP_ID}): {need.why}"
                for need in to_grant
            ),
            *([f"    Entra role {role}, for the whole tenant: Teams admin API"] if role else []),
        ]
    )
