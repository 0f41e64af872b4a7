"""What the app registration of the console lacks: redirect address, app roles, trust in the identity.

With a federated credential the platform signs people in as that application by a token of the app's
managed identity, so no client secret exists. Source: "Configure your App Service or Azure Functions app
to use Microsoft Entra sign-in", section on a managed identity instead of a secret. Pure: no I/O.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cli.errors import CommandError
from cli.grant.models import Application, FederatedCredential
from cli.grant.plan import Item, Work
from shared.settings.settings import Cloud

CALLBACK: Final = "/.auth/login/aad/callback"
_NAME: Final = "acp-mover-console"
_AUDIENCES: Final = {
    Cloud.PUBLIC: "api://AzureADTokenExchange",
    Cloud.GCC_HIGH: "api://AzureADTokenExchangeUSGov",
    Cloud.DOD: "api://AzureADTokenExchangeUSGov",
    Cloud.CHINA: "api://AzureADTokenExchangeChina",
}
"""Audience of a managed identity's token ("Configure an application to trust a managed identity")."""


@dataclass(frozen=True, slots=True)
class ConsoleSignIn:
    """The client id of the app registration, and the address of the deployed app."""

    client_id: str
    url: str

    @property
    def redirect(self) -> str:
        """Where Entra sends people back to."""
        address = urlsplit(self.url)
        return f"https://{address.netloc}{CALLBACK}"


@cache
def app_roles() -> Sequence[dict[str, Any]]:
    """Return the app roles that the console and the HTTP API know: those of infra/app-registration.json."""
    file = Path(__file__).parents[2] / "infra" / "app-registration.json"
    try:
        roles: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["appRoles"]
    except OSError:
        raise CommandError(
            f"{file} is missing: run this in a copy of the project (git clone), which describes the roles"
        ) from None
    return roles


def sign_in_items(
    application: Application,
    credentials: Sequence[FederatedCredential],
    wanted: ConsoleSignIn,
    *,
    issuer: str,
    identity: str,
    cloud: Cloud,
) -> list[Item]:
    """Compare the registration with what sign-in needs; whatever else it has stays.

    issuer: of the tenant's tokens. identity: object id of the managed identity. CommandError: it has
    an app role of ours under another id, which only a person can decide about.
    """
    return [
        _redirect(application, wanted.redirect),
        _roles(application),
        _trust(credentials, issuer, identity, _AUDIENCES[cloud]),
    ]


def _redirect(application: Application, address: str) -> Item:
    known = application.web.redirect_uris
    granted = application.web.implicit_grant_settings.enable_id_token_issuance
    body = {
        "web": {
            "redirectUris": [*known, *([] if address in known else [address])],
            "implicitGrantSettings": {"enableIdTokenIssuance": True},
        }
    }
    done = address in known and granted
    return Item("Sign-in: redirect address", _work(done, Work.UPDATE), address, body=body)


def _roles(application: Application) -> Item:
    there = {role.get("value"): role for role in application.app_roles}
    for role in app_roles():
        known = there.get(role["value"])
        if known is not None and not known.get("isEnabled", True):
            raise CommandError(
                f"the app registration {application.app_id} has the app role {role['value']}, disabled: "
                "enable or delete it, then run this again",
                2,
            )
    missing = [role for role in app_roles() if role["value"] not in there]
    detail = ", ".join(role["value"] for role in missing or app_roles())
    body = {"appRoles": [*application.app_roles, *missing]}
    return Item("Sign-in: app roles", _work(not missing, Work.UPDATE), detail, body=body)


def _trust(
    credentials: Sequence[FederatedCredential], issuer: str, identity: str, audience: str
) -> Item:
    done = any(
        (each.issuer, each.subject.lower(), each.audiences) == (issuer, identity, [audience])
        for each in credentials
    )
    taken = {each.name for each in credentials}
    body = {
        "name": _NAME if _NAME not in taken else f"{_NAME}-{identity}",
        "issuer": issuer,
        "subject": identity,
        "audiences": [audience],
    }
    return Item(
        "Sign-in: federated credential",
        _work(done, Work.TRUST),
        f"the managed identity {identity} in place of a client secret",
        body=body,
    )


def _work(done: bool, otherwise: Work) -> Work:
    return Work.NOTHING if done else otherwise
