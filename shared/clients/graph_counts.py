"""Graph requests that count the users of number rules, without listing them."""

from collections.abc import Mapping, Sequence
from itertools import batched
from typing import Any, Final
from urllib.parse import quote, urlencode

from pydantic import Field

from shared.clients.graph_batch import BATCH_SIZE, Batches
from shared.clients.graph_models import GraphModel
from shared.errors import ServiceError

_EVENTUAL: Final = {"ConsistencyLevel": "eventual"}
_ALL: Final = "*"
_GUID_LENGTH: Final = 36


class Counted(GraphModel):
    """A listing of which only the count matters."""

    count: int = Field(alias="@odata.count")


async def count_users(batches: Batches, whom: Sequence[str], licensed: str) -> Mapping[str, int]:
    """Return how many users each has: the members of a group id, or the licensed users of a location.

    `*` stands for all licensed users. licensed: the filter for them. ServiceError: one is not known.
    """
    counts: dict[str, int] = {}
    for some in batched(whom, BATCH_SIZE, strict=False):
        found = await batches.ask({each: _question(each, licensed) for each in some}, _read)
        for each, count in found.items():
            if isinstance(count, ServiceError):
                raise count
            counts[each] = count
    return counts


def _question(whom: str, licensed: str) -> dict[str, Any]:
    query = {"$count": "true", "$top": "1", "$select": "id"}
    path = "/users"
    if len(whom) == _GUID_LENGTH:
        path = f"/groups/{whom}/transitiveMembers/microsoft.graph.user"
    else:
        query["$filter"] = (
            licensed if whom == _ALL else f"usageLocation eq '{whom}' and ({licensed})"
        )
    url = f"{path}?{urlencode(query, quote_via=quote, safe='$')}"
    return {"method": "GET", "url": url, "headers": _EVENTUAL}


def _read(_: str, body: bytes) -> int:
    return Counted.model_validate_json(body).count
