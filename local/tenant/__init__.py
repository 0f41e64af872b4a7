"""The simulated Microsoft 365 tenant: Graph, the Teams admin API and the identity endpoint.

It simulates the one thing that is not available on a laptop or in CI. It is written from the
published documentation and from the project's wire table, apart from the application: nothing
here imports the application and the application imports nothing from here.

`local.tenant.app.create_app(TenantOptions(...))` gives an ASGI application. README.md in this
folder lists the options and the control API.
"""
