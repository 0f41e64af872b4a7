"""Graph requests for users by name: by id or user name, then by a SIP, mail or proxy address.

Sources: "Get a user" (a user name that begins with `$` goes in quotes and parentheses) and "user resource
type" (`mail`, `proxyAddresses` and `imAddresses` support `eq`), Microsoft Graph v1.0 reference.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from pydantic import TypeAdapter

from shared.clients import wire
from shared.clients.graph_batch import Batches, check_subject
from shared.clients.graph_models import User, UserPage
from shared.domain.user import DirectoryUser
from shared.errors import AmbiguousNameError, NotFoundError, ServiceError

_SELECT: Final = "id,userPrincipalName,displayName,department,userType,usageLocation,assignedPlans"
_HITS: Final = 5
"""Most users in the answer for one address; two are enough to refuse it."""


async def find_users(
    batches: Batches, names: Sequence[str]
) -> dict[str, DirectoryUser | ServiceError]:
    """Return each of at most 20 users by id or address, or the error of that user.

    A user name wins: only for an address that is nobody's user name the other addresses are searched,
    all of them in one more batch. AmbiguousNameError: several users have the address.
    """
    found = await batches.ask({name: _by_key(name) for name in names}, _read_user)
    unknown = [name for name in names if "@" in name and isinstance(found[name], NotFoundError)]
    if not unknown:
        return found
    hits = await batches.ask({name: _by_address(name) for name in unknown}, _read_users)
    for name, users in hits.items():
        if isinstance(users, ServiceError):
            found[name] = users
        elif len(users) == 1:
            found[name] = users[0]
        elif users:
            found[name] = AmbiguousNameError(str(wire.FIND_USERS), [user.upn for user in users])
    return found


def _by_key(name: str) -> dict[str, Any]:
    key = f"/{quote(name, safe='@')}"
    if name.startswith("$"):
        key = f"('{quote(_literal(name), safe="@$'")}')"
    return {"method": "GET", "url": f"/users{key}?$select={_SELECT}"}


def address_filter(address: str) -> str:
    """Return the filter for the users with an address.

    Both spellings of `smtp:`, because nothing says that case does not matter in a collection.
    """
    it = _literal(address)
    return (
        f"mail eq '{it}' or proxyAddresses/any(p:p eq 'smtp:{it}') or "
        f"proxyAddresses/any(p:p eq 'SMTP:{it}') or imAddresses/any(i:i eq '{it}')"
    )


def _by_address(address: str) -> dict[str, Any]:
    """Return the request for the users with an address.

    With the header, because Graph may require it where several clauses are joined ("Advanced query
    capabilities").
    """
    text = quote(address_filter(address), safe="")
    query = f"$count=true&$top={_HITS}&$select={_SELECT}&$filter={text}"
    return {
        "method": "GET",
        "url": f"/users?{query}",
        "headers": {"ConsistencyLevel": "eventual"},
    }


def _literal(text: str) -> str:
    return text.replace("'", "''")


def _read_user(asked: str, body: bytes) -> DirectoryUser:
    user = _USER.validate_json(body).to_domain()
    check_subject(right=asked.casefold() in (user.id, user.upn.casefold()))
    return user


def _read_users(_: str, body: bytes) -> list[DirectoryUser]:
    return [user.to_domain() for user in UserPage.model_validate_json(body).value]


_USER = TypeAdapter(User)
