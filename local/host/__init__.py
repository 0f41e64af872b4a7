"""A small Azure Functions host for one machine, around the real Python worker library.

`host.load_host` indexes a function app folder in this process and `app.create_app` serves it as an
ASGI app, whose lifespan starts the listeners and drains them. Azure runs one function app in a process
and so does this: a second `load_host` in the same process fails.
"""
