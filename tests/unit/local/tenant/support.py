"""A tenant whose time stands still until a test moves it."""

from local.tenant.clock import Clock
from local.tenant.directory.people import Kind, User
from local.tenant.options import TenantOptions
from local.tenant.tenant import Tenant

START = 1_790_000_000.0


def make_tenant(**options: object) -> Tenant:
    """A tenant of 60 users at a fixed time; `options` as in TenantOptions."""
    chosen = TenantOptions.model_validate({"users": 60, "lag_seconds": 10.0, **options})
    return Tenant(chosen, Clock(lambda: START))


def one(tenant: Tenant, kind: Kind, nth: int = 0) -> User:
    """The nth user of a kind."""
    return [user for user in tenant.directory.users if user.kind is kind][nth]


def later(tenant: Tenant, seconds: float) -> None:
    """Let time pass and everything happen that falls due in it."""
    tenant.clock.advance(seconds)
    tenant.provisioning.settle()
