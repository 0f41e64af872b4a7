"""Bridges, their numbers, and the third-party providers. Every number is fictitious.

Sources: Microsoft, Get-CsOnlineDialInConferencingBridge and
Set-CsOnlineDialInConferencingUser (number formats),
https://learn.microsoft.com/powershell/module/teams/set-csonlinedialinconferencinguser
"""

import random
import re
from dataclasses import dataclass

_NUMBER = re.compile(r"^(?:tel:\+|\+)?([1-9][0-9]{6,14})$")


def normal_number(text: str) -> str | None:
    """`E.164`, `+E.164` or `tel:+E.164` as bare digits; None when it is none of them."""
    match = _NUMBER.match(text.strip())
    return match.group(1) if match else None


def new_guid(rng: random.Random) -> str:
    """A random GUID (version 4) from the given generator.

    Written out here because uuid.UUID takes four times as long, and a big tenant has many.
    """
    text = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


@dataclass(frozen=True, slots=True)
class ServiceNumber:
    """One dial-in number of a bridge; `country` is the usage location it serves."""

    number: str
    country: str
    city: str
    language: str
    toll_free: bool


@dataclass(frozen=True, slots=True)
class Bridge:
    """A conference bridge with its numbers; the first one is its default number."""

    id: str
    name: str
    region: str
    is_default: bool
    numbers: tuple[ServiceNumber, ...]

    def find(self, number: str, *, toll_free: bool) -> ServiceNumber | None:
        """The bridge's number equal to the given bare digits, None when it has none such."""
        return next(
            (n for n in self.numbers if n.number == number and n.toll_free == toll_free), None
        )

    def toll_for(self, usage_location: str | None) -> str:
        """A toll number of the user's country, else the bridge's default number."""
        return next(
            (n.number for n in self.numbers if n.country == usage_location and not n.toll_free),
            self.numbers[0].number,
        )

    def toll_free_for(self, usage_location: str | None) -> str | None:
        """A toll-free number of the user's country, None when the bridge has none there."""
        return next(
            (n.number for n in self.numbers if n.country == usage_location and n.toll_free), None
        )

    def as_json(self) -> dict[str, object]:
        """The bridge as `GET /Teams.Cpc/bridges/` lists it."""
        return {
            "identity": self.id,
            "name": self.name,
            "region": self.region,
            "isDefault": self.is_default,
            "isShared": True,
            "defaultServiceNumber": self.numbers[0].number,
            "serviceNumbers": [
                {
                    "number": n.number,
                    "city": n.city,
                    "primaryLanguage": n.language,
                    "secondaryLanguages": ["en-US"] if n.language != "en-US" else ["es-MX"],
                    "bridgeId": self.id,
                    "isShared": True,
                    "type": "TollFree" if n.toll_free else "Toll",
                }
                for n in self.numbers
            ],
        }


@dataclass(frozen=True, slots=True)
class Provider:
    """A third-party audio conferencing provider, and how its numbers begin."""

    name: str
    domain: str
    url: str
    toll_prefix: str
    toll_free_prefix: str
    port: int = 5061

    def as_json(self, identity: str) -> dict[str, object]:
        """The provider as `GET /Teams.Cpc/providers` lists it."""
        return {
            "identity": identity,
            "name": self.name,
            "domain": self.domain,
            "url": self.url,
            "port": self.port,
        }


PROVIDERS = (
    Provider(
        "InterCall", "intercall.com", "https://www.intercall.com/dialin", "1706555", "1888555"
    ),
    Provider("PGi", "pgi.com", "https://www.pgi.com/dialin", "1719555", "1877555"),
    Provider(
        "BT", "btconferencing.com", "https://www.btconferencing.com/dialin", "44163296", "44800555"
    ),
)

_AMERICA = (
    ("1206555", "US", "Seattle", "en-US", False),
    ("1312555", "US", "Chicago", "en-US", False),
    ("1416555", "CA", "Toronto", "en-CA", False),
    ("44207946", "GB", "London", "en-GB", False),
    ("49302312", "DE", "Berlin", "de-DE", False),
    ("3319900", "FR", "Paris", "fr-FR", False),
    ("6125550", "AU", "Sydney", "en-AU", False),
    ("1833555", "US", "Toll-free", "en-US", True),
    ("44808157", "GB", "Toll-free", "en-GB", True),
)
_EUROPE = (
    ("44203946", "GB", "London", "en-GB", False),
    ("49699000", "DE", "Frankfurt", "de-DE", False),
    ("3120555", "NL", "Amsterdam", "nl-NL", False),
    ("49800555", "DE", "Toll-free", "de-DE", True),
)


def make_bridges(seed: int) -> tuple[Bridge, ...]:
    """The tenant's two bridges, the default one first; numbers and ids follow from the seed."""
    rng = random.Random(f"{seed}/bridges")  # noqa: S311 - not a secret
    taken: set[str] = set()

    def number(prefix: str) -> str:
        while (drawn := f"{prefix}{rng.randrange(10_000):04d}") in taken:
            continue
        taken.add(drawn)
        return drawn

    def numbers(rows: tuple[tuple[str, str, str, str, bool], ...]) -> tuple[ServiceNumber, ...]:
        return tuple(
            ServiceNumber(number(prefix), country, city, language, toll_free)
            for prefix, country, city, language, toll_free in rows
        )

    return (
        Bridge(new_guid(rng), "Conference Bridge", "NOAM", True, numbers(_AMERICA)),
        Bridge(new_guid(rng), "Europe Bridge", "EMEA", False, numbers(_EUROPE)),
    )
