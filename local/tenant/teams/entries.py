"""Provider entries: Microsoft's own, and those of third parties."""

import random

from local.tenant.directory.people import MICROSOFT, MICROSOFT_DOMAIN, Conference, ProviderEntry
from local.tenant.teams.numbers import Provider, new_guid


def third_party_entry(rng: random.Random, provider: Provider, *, default: bool) -> ProviderEntry:
    """An entry of that provider with numbers, passcode and address drawn from `rng`."""
    passcode = str(rng.randrange(1_000_000, 10_000_000))
    free = rng.random() < 0.8  # noqa: PLR2004 - most, not all, have a toll-free number
    return ProviderEntry(
        name=provider.name,
        domain=provider.domain,
        toll_number=f"{provider.toll_prefix}{rng.randrange(10_000):04d}",
        toll_free_number=(
            f"{provider.toll_free_prefix}{rng.randrange(10_000):04d}" if free else None
        ),
        passcode=passcode,
        url=f"{provider.url}/{new_guid(rng)}",
        default=default,
    )


def microsoft_entry(conference: Conference, url_id: str, *, default: bool = True) -> ProviderEntry:
    """Microsoft's own provider entry: fixed domain, passcode 0, a dial-in page of its own."""
    return ProviderEntry(
        name=MICROSOFT,
        domain=MICROSOFT_DOMAIN,
        toll_number=conference.number,
        toll_free_number=conference.toll_free_number,
        passcode="0",
        url=f"https://dialin.lync.com/{url_id}",
        default=default,
    )
