"""The users a tenant is born with: how many of each kind, and what each of them has.

Everything follows from the seed. The dates that belong to a user's history are drawn from fixed
years; only the users licensed "a moment ago" carry the time at which the tenant was started.
"""

import random
from collections.abc import Iterator
from itertools import accumulate

from local.tenant.clock import stamp
from local.tenant.directory import catalog
from local.tenant.directory.names import draw_addresses, draw_name, mailbox_of
from local.tenant.directory.people import Conference, Grant, Kind, ProviderEntry, User
from local.tenant.directory.plans import Plan, plans_of
from local.tenant.options import TenantOptions
from local.tenant.teams.entries import microsoft_entry, third_party_entry
from local.tenant.teams.numbers import PROVIDERS, Bridge, new_guid

# Out of a thousand. What is missing to a thousand is UNLICENSED: most people in most tenants.
# The order is the order in which a tenant too small for all kinds drops them, last first.
PER_MILLE = {
    Kind.THIRD_PARTY: 200,
    Kind.MICROSOFT: 150,
    Kind.UNLICENSED_THIRD_PARTY: 110,
    Kind.ROOM: 30,
    Kind.PENDING: 25,
    Kind.NO_PROVIDER: 20,
    Kind.SUSPENDED: 10,
    Kind.GUEST: 25,
    Kind.RESOURCE: 15,
    Kind.SOFT_DELETED: 15,
    Kind.PLAN_DISABLED: 10,
    Kind.WARNING: 8,
    Kind.LOCKED_OUT: 5,
    Kind.ON_PREMISES: 15,
    Kind.INELIGIBLE: 8,
}

DOMAIN = "contoso.example"
_LOCATIONS = ("US", "GB", "DE", "FR", "CA", "AU", "NL", "JP", "BR")
_LOCATION_WEIGHTS = tuple(accumulate((40, 15, 12, 8, 8, 5, 5, 4, 3)))
_LICENSES = (
    (catalog.MICROSOFT_365_E5,),
    (catalog.OFFICE_365_E3, catalog.AUDIO_CONFERENCING),
    (catalog.OFFICE_365_E5,),
    (catalog.MICROSOFT_365_E5, catalog.AUDIO_CONFERENCING_SELECT_DIAL_OUT),
    (catalog.OFFICE_365_E3, catalog.AUDIO_CONFERENCING_SELECT_DIAL_OUT),
    (catalog.OFFICE_365_E3, catalog.AUDIO_CONFERENCING_PER_MINUTE),
    (catalog.OFFICE_365_E3, catalog.AUDIO_CONFERENCING_GCC),
)
_LICENSE_WEIGHTS = tuple(accumulate((45, 25, 15, 5, 5, 3, 2)))
_ROOM_SKUS = (
    catalog.ROOMS_PRO,
    catalog.ROOMS_BASIC,
    catalog.ROOMS_STANDARD,
    catalog.ROOMS_PREMIUM,
)
_STATUS = {Kind.SUSPENDED: "Suspended", Kind.WARNING: "Warning", Kind.LOCKED_OUT: "LockedOut"}
_ACCOUNT_TYPE = {
    Kind.RESOURCE: "ResourceAccount",
    Kind.GUEST: "Guest",
    Kind.ON_PREMISES: "SfBOnPremUser",
    Kind.INELIGIBLE: "IneligibleUser",
}
_WITH_THIRD_PARTY = frozenset(
    {
        Kind.THIRD_PARTY,
        Kind.UNLICENSED_THIRD_PARTY,
        Kind.SUSPENDED,
        Kind.WARNING,
        Kind.LOCKED_OUT,
        Kind.PLAN_DISABLED,
        Kind.ON_PREMISES,
        Kind.SOFT_DELETED,
    }
)
# Accounts that look ready to move, and must not be: every other one has a third-party provider.
_TEMPTING = frozenset({Kind.ROOM, Kind.RESOURCE, Kind.GUEST, Kind.INELIGIBLE})
_SERVICE_HAS_IT = frozenset({Kind.THIRD_PARTY, Kind.MICROSOFT, Kind.NO_PROVIDER}) | (
    _TEMPTING | {Kind.ON_PREMISES}
)


_WITHOUT_THIRD_PARTIES = {
    Kind.THIRD_PARTY: Kind.MICROSOFT,
    Kind.NO_PROVIDER: Kind.PENDING,
    Kind.UNLICENSED_THIRD_PARTY: Kind.UNLICENSED,
}
"""What users are in a tenant of today: third parties are gone, and who is provisioned is on Microsoft."""


def kinds_of(users: int, *, third_parties: bool = True) -> list[Kind]:
    """The kind of each of `users` users, unshuffled: at least one of each kind if there is room."""
    kinds = _kinds_of(users)
    if third_parties:
        return kinds
    return [_WITHOUT_THIRD_PARTIES.get(kind, kind) for kind in kinds]


def _kinds_of(users: int) -> list[Kind]:
    kinds: list[Kind] = []
    for kind, share in PER_MILLE.items():
        kinds.extend([kind] * max(1, users * share // 1000))
    if len(kinds) >= users:
        kinds = list(PER_MILLE)[:users]
    return kinds + [Kind.UNLICENSED] * (users - len(kinds))


class Population:
    """Draws the users of one tenant. `started` is the tenant's time in seconds since 1970."""

    def __init__(self, options: TenantOptions, bridges: tuple[Bridge, ...], started: float) -> None:
        self._options = options
        self._bridge = bridges[0]
        self._started = started
        self._rng = random.Random(f"{options.seed}/users")  # noqa: S311 - not a secret
        # Dice of their own: where somebody has other addresses, everything else about the users stays.
        self._awkward = random.Random(f"{options.seed}/awkward")  # noqa: S311 - not a secret
        self._conference_ids: set[str] = set()
        self._plans: dict[tuple[tuple[tuple[str, Grant], ...], str], tuple[Plan, ...]] = {}
        self._dates = [stamp(1_577_872_800 + 86_400 * 30 * month) for month in range(72)]

    def draw(self) -> Iterator[User]:
        """The users, in the order in which the tenant lists them."""
        kinds = kinds_of(self._options.users, third_parties=self._options.third_parties)
        self._rng.shuffle(kinds)
        seen: dict[Kind, int] = {}
        for index, kind in enumerate(kinds):
            nth = seen.get(kind, 0)
            seen[kind] = nth + 1
            yield self._user(index, kind, nth)

    def _user(self, index: int, kind: Kind, nth: int) -> User:
        rng = self._rng
        given, surname, display = draw_name(rng, kind, nth)
        user = User(
            index=index,
            id=new_guid(rng),
            upn=mailbox_of(
                given=given, surname=surname, display=display, index=index, kind=kind, domain=DOMAIN
            ),
            display_name=display,
            given_name=given,
            surname=surname,
            kind=kind,
            account_type=_ACCOUNT_TYPE.get(kind, "User"),
            user_type="Guest" if kind is Kind.GUEST else "Member",
            usage_location=rng.choices(_LOCATIONS, cum_weights=_LOCATION_WEIGHTS)[0],
            created=rng.choice(self._dates),
            account_enabled=kind is not Kind.RESOURCE and rng.random() > 0.02,  # noqa: PLR2004
        )
        self._license(user, nth)
        self._provide(user, nth)
        self._make_awkward(user)
        return user

    def _make_awkward(self, user: User) -> None:
        """Give the user what is not as a program would have it; see the options."""
        rng, options = self._awkward, self._options
        addresses = draw_addresses(rng, options, user.upn, user.kind)
        user.mail, user.sip, user.aliases = addresses.mail, addresses.sip, addresses.aliases
        user.nulls = rng.random() < options.nulls
        if user.kind is Kind.INELIGIBLE and rng.random() < options.unknown_types:
            user.account_type = "Unknown"
        if user.kind is Kind.NO_PROVIDER and rng.random() < options.never_had_it:
            user.provisioned = user.provisions = False

    def _license(self, user: User, nth: int) -> None:
        rng, kind = self._rng, user.kind
        if kind in {Kind.UNLICENSED, Kind.UNLICENSED_THIRD_PARTY}:
            if rng.random() < 0.6:  # noqa: PLR2004 - an office worker without conferencing
                user.grants = {catalog.OFFICE_365_E3.id: Grant()}
        elif kind is Kind.ROOM:
            user.grants = {_ROOM_SKUS[nth % len(_ROOM_SKUS)].id: Grant()}
        elif kind is Kind.RESOURCE:
            user.grants = {catalog.RESOURCE_ACCOUNT.id: Grant()}
            if nth % 2 == 0:
                user.grants[catalog.AUDIO_CONFERENCING.id] = Grant()
        elif kind is Kind.PLAN_DISABLED:
            disabled = frozenset({catalog.MCOMEETADV.id})
            user.grants = {catalog.MICROSOFT_365_E5.id: Grant(disabled)}
        elif kind is not Kind.SOFT_DELETED:
            skus = rng.choices(_LICENSES, cum_weights=_LICENSE_WEIGHTS)[0]
            status = _STATUS.get(kind, "Enabled")
            user.grants = {sku.id: Grant(status=status) for sku in skus}
        assigned = stamp(self._started) if kind is Kind.PENDING else rng.choice(self._dates)
        key = (tuple(user.grants.items()), assigned)
        user.plans = self._plans.get(key) or plans_of(user.grants, (), assigned)
        self._plans[key] = user.plans

    def _provide(self, user: User, nth: int) -> None:
        rng, kind = self._rng, user.kind
        user.takes = rng.random() >= self._options.does_not_take and kind is not Kind.NO_PROVIDER
        user.provisions = rng.random() >= self._options.never_provisioned
        user.provisioned = kind in _SERVICE_HAS_IT
        if kind is Kind.PENDING:
            user.due = self._started + self._options.lag_seconds
        if kind is Kind.MICROSOFT:
            user.conference = self._conference(user)
            user.entries = (microsoft_entry(user.conference, new_guid(rng)),)
            if nth % 10 == 1 and self._options.third_parties:  # a leftover that decides nothing
                user.entries += (third_party_entry(rng, rng.choice(PROVIDERS), default=False),)
        elif not self._options.third_parties:
            pass  # whoever is left has no entry at all
        elif kind in _WITH_THIRD_PARTY or (kind in _TEMPTING and nth % 2 == 0):
            user.entries = self._third_party(user, nth)
        user.original_entries = user.entries

    def _third_party(self, user: User, nth: int) -> tuple[ProviderEntry, ...]:
        rng = self._rng
        main = third_party_entry(rng, PROVIDERS[nth % len(PROVIDERS)], default=True)
        if nth % 8 == 1:  # the default one is not the first one
            return (third_party_entry(rng, rng.choice(PROVIDERS), default=False), main)
        if nth % 20 == 2:  # noqa: PLR2004 - Microsoft is there, but another provider decides
            conference = self._conference(user)
            return (main, microsoft_entry(conference, new_guid(rng), default=False))
        return (main,)

    def _conference(self, user: User) -> Conference:
        rng, bridge = self._rng, self._bridge
        while (drawn := str(rng.randrange(100_000_000, 1_000_000_000))) in self._conference_ids:
            continue
        self._conference_ids.add(drawn)
        return Conference(
            bridge_id=bridge.id,
            conference_id=drawn,
            number=bridge.toll_for(user.usage_location),
            toll_free_number=bridge.toll_free_for(user.usage_location),
            pin=f"{rng.randrange(100_000):05d}",
        )
