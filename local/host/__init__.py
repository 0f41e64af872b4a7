"""A small Azure Functions host for one machine, around the real Python worker library.

`load_host` indexes a function app folder in this process and `create_app` serves it as an ASGI
app, whose lifespan starts the listeners and drains them. Azure runs one function app in a process
and so does this: a second `load_host` in the same process fails.
"""

from local.host.app import create_app
from local.host.host import Host, load_host
from local.host.options import HostOptions

__all__ = ["Host", "HostOptions", "create_app", "load_host"]
