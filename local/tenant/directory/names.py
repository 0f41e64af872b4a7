"""Names for the users, some of them awkward on purpose: accents, apostrophes, guests."""

import random
import unicodedata

from local.tenant.directory.people import Kind

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
