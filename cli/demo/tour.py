"""The tour by hand after `acp demo --keep`: a dozen users to move, and commands to type."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.demo.calls import Control
from cli.demo.summary import Evidence, TenantUser

if TYPE_CHECKING:
    from cli.demo.system import DemoSystem
    from local.commands import AppHost

_DOZEN: Final = 12


def choose(evidence: Evidence) -> list[tuple[TenantUser, str]]:
    """Return up to a dozen users whom the app moved, each with the third party that it replaced."""
    born = {user.id: user.provider for user in evidence.before}
    users = [user for user in evidence.replaced if user.candidate and user.on_microsoft]
    return [(user, str(born[user.id])) for user in users[:_DOZEN]]


async def set_back(tenant: str, chosen: Sequence[tuple[TenantUser, str]]) -> None:
    """Put the users back, as a script of somebody else would: no notification tells the app."""
    async with Control(tenant) as control:
        for user, provider in chosen:
            await control.set_provider(user, provider)


def text(system: "DemoSystem", evidence: Evidence) -> str:
    """Put the dozen back; return where everything is, and what to type."""
    chosen = choose(evidence)
    asyncio.run(set_back(system.tenant.origin, chosen))
    acp = _acp()
    user = chosen[0][0].upn if chosen else evidence.after[0].upn
    settings = system.write_settings()
    return f"""
Everything keeps running until Ctrl-C:
  tenant   {system.tenant.origin}
  host     {system.host.origin}
  console  {console_address(system.host)}
  logs     {system.folder}
  storage  {system.connection_string}

{len(chosen)} users were put back on a third party by hand; the app does not know yet.
Type in another terminal (in PowerShell the first line is $env:ACP_SETTINGS = "{settings}"):
  export ACP_SETTINGS={settings}
  {acp} ready
  {acp} show {user}
  {acp} move --users {user} --dry-run
  {acp} move --users {user} --yes
  {acp} saved --user {user}

Let the sweep find the others; they are moved within seconds:
  curl -s -X POST '{system.host.origin}/admin/functions/sweep_providers?wait=true'
  {acp} runs
  {acp} doctor
  {acp} ready
"""


def console_address(host: "AppHost") -> str:
    """Return the address that opens the console, once."""
    return f"{host.origin}/api/console/enter?token={host.settings['ACP_CONSOLE_TOKEN']}"


def _acp() -> str:
    """Return how this command is called from the current folder."""
    found = shutil.which("acp")
    here = Path(sys.executable).with_name("acp.exe" if os.name == "nt" else "acp")
    if found and Path(found).samefile(here):
        return "acp"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)
