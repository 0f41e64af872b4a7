"""Names for the users, some of them awkward on purpose: accents, apostrophes, guests."""

import random
import unicodedata
from dataclasses import dataclass

from local.tenant.directory.people import Kind
from local.tenant.options import TenantOptions

_GIVEN = (
    "Adele", "Alex", "Amir", "Ana", "Bianca", "Carlos", "Chen", "Dara", "Diego", "Elif",
    "Emily", "Fatima", "Grace", "Henrik", "Ivan", "Isaiah", "Jörg", "Joni", "Kenji", "Lee",
    "Lidia", "Lynne", "Maria", "Megan", "Miriam", "Nestor", "Noor", "Olga", "Patti", "Pradeep",
    "Raúl", "Siân", "Tomasz", "Uwe", "Vera", "Wei", "Yara", "Zoë",
)  # fmt: skip
_SURNAMES = (
    "Anderson", "Berg", "Brandt", "Castro", "Cederström", "Chavez", "D'Angelo", "Dubois",
    "Evans", "Fischer", "García", "Haas", "Ibrahim", "Jensen", "Kowalski", "Langer", "Martínez",
    "Müller", "Nguyen", "O'Brien", "Okafor", "Patel", "Quist", "Robbins", "Schäfer", "Sato",
    "Tanaka", "Ueda", "Vance", "Wilber", "Xu", "Young", "Zimmermann",
)  # fmt: skip
_PLACES = ("Aspen", "Baker", "Cascade", "Denali", "Everest", "Fuji", "Glacier", "Hood")


def draw_name(rng: random.Random, kind: Kind, nth: int) -> tuple[str | None, str | None, str]:
    """Given name, surname and display name; rooms and resource accounts have the last only."""
    if kind is Kind.ROOM:
        return None, None, f"Room {rng.choice(_PLACES)} {nth + 1}"
    if kind is Kind.RESOURCE:
        return None, None, f"Auto Attendant {rng.choice(_PLACES)} {nth + 1}"
    given, surname = rng.choice(_GIVEN), rng.choice(_SURNAMES)
    return given, surname, f"{given} {surname}"


def mailbox_of(
    *, given: str | None, surname: str | None, display: str, index: int, kind: Kind, domain: str
) -> str:
    """A user principal name that no other user has: it ends in the user's index.

    An apostrophe stays, as it may in life, so that a filter which does not double it fails here.
    """
    words = f"{given}.{surname}" if given and surname else display.replace(" ", "")
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    if kind is Kind.GUEST:
        return f"{plain}{index}_fabrikam.example#EXT#@{domain}"
    return f"{plain}{index}@{domain}"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of an account besides its user name: all of them may be others, as in life."""

    mail: str | None
    sip: str | None
    aliases: tuple[str, ...] = ()


def draw_addresses(rng: random.Random, options: TenantOptions, upn: str, kind: Kind) -> Addresses:
    """The mail and SIP address of a user, mostly the user name, and further mail addresses.

    Exactly three numbers are drawn, whoever it is. A guest has none of our addresses.
    """
    mail, sip, alias = rng.random(), rng.random(), rng.random()
    if kind is Kind.GUEST:
        return Addresses(None, None)
    local, _, domain = upn.partition("@")
    other = f"mail.{local}@post.{domain}" if mail < options.other_mail else upn
    aliases = [upn] if other != upn else []
    if alias < options.other_mail:
        aliases.append(f"{local}@old.{domain}")
    return Addresses(
        other, f"{local}@voice.{domain}" if sip < options.other_sip else upn, tuple(aliases)
    )
