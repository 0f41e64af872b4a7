"""Validate move requests against the tenant before anything begins, for every front door."""

from dataclasses import replace
from typing import Final

from shared.domain.bridges import check_options, numbers_of, own_number_faults, rule_faults, tolls
from shared.domain.decision import Rules
from shared.domain.move_request import MoveRequest
from shared.errors import InputError
from shared.services.ports import Bridges, Tenant

_LISTED: Final = 10


async def validate(request: MoveRequest, tenant: Tenant, rules: Rules) -> MoveRequest:
    """Return the request with the provider spelled as the tenant does.

    InputError: no user is named, the tenant does not know the provider (its providers are listed), or
    a number, from the request or a rule, is on no bridge (the available numbers are listed).
    ConflictError: the service has no call for it.
    """
    if request.users == ():
        raise InputError("no user was named; nothing was done")
    tenant.check_takes(request)
    if request.provider is not None:
        request = replace(request, provider=await _known_provider(request.provider, tenant))
    await _check_numbers(request, tenant, rules)
    return request


async def _known_provider(name: str, tenant: Tenant) -> str:
    known = [each.name for each in await tenant.providers()]
    for each in known:
        if each.casefold() == name.strip().casefold():
            return each
    raise InputError(f"provider {name!r}: the tenant knows {', '.join(known) or 'no provider'}")


async def _check_numbers(request: MoveRequest, bridges: Bridges, rules: Rules) -> None:
    """The tenant is asked only where there are numbers."""
    options = request.options
    asked = options.service_number or options.toll_free_number or options.own_numbers
    if not (rules.numbers or asked):
        return
    known = await bridges.bridge_numbers()
    check_options(options, known, rules.numbers)
    if faults := own_number_faults(options, known, rules.numbers):
        left = len(faults) - _LISTED
        more = f"; and {left:,} more" if left > 0 else ""
        raise InputError(
            f"{'; '.join(faults[:_LISTED])}{more}. There are toll numbers "
            f"{numbers_of(known, toll_free=False)}; toll-free {numbers_of(known, toll_free=True)}"
        )
    if faults := rule_faults(rules.numbers, known):
        raise InputError(
            f"ACP_NUMBER_RULES: {', '.join(faults)}: no toll number of a bridge; there are {tolls(known)}"
        )
