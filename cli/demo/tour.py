"""The tour by hand after `acp demo --keep`: what is left to do, and commands to type."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.demo import leftovers
from cli.demo.summary import Evidence

if TYPE_CHECKING:
    from cli.demo.system import DemoSystem
    from local.commands import AppHost


def text(system: "DemoSystem", evidence: Evidence) -> str:
    """Leave something to do; return where everything is, and what to type."""
    chosen = leftovers.choose(evidence)
    leftovers.prepare(system, chosen)
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

A dozen users were put back on a third party by hand, and the sweep that found them is held: the console
shows them, and releases them. Two more need attention: the service refused their change, and would
take it now.
Type in another terminal (in PowerShell the first line is $env:ACP_SETTINGS = "{settings}"):
  export ACP_SETTINGS={settings}
  {acp} ready
  {acp} show {user}
  {acp} move --users {user} --dry-run
  {acp} move --users {user} --yes
  {acp} saved --user {user}

Release the held sweep; its users are moved within a minute:
  {acp} runs
  {acp} release RUN
  {acp} attention
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
