"""The worlds that the system is shown and tested in: each a kind of tenant, and the app's settings for it.

- `2018`: third-party providers live, as the published page about moving users describes.
- `today`: as a live tenant is believed to be (docs/wire.md): no third parties, users become conferencing
  users by themselves some time after licensing, except a share for whom it does not happen.
- `documented`: the same tenant, which the app reads by documented Graph calls alone, with the rights that
  `acp grant` gives its identity for that and no others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class World(StrEnum):
    """A world by name."""

    THIRD_PARTIES = "2018"
    TODAY = "today"
    DOCUMENTED = "documented"


@dataclass(frozen=True, slots=True)
class Preset:
    """A world: fields of the tenant's options, and app settings.

    heals: whether everybody is expected to end on Microsoft; else some need a person's attention.
    checks_rights: whether the demo's tenant lets the app do only what its identity was granted.
    """

    tenant: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    heals: bool = True
    checks_rights: bool = False


_TENANT_OF_TODAY: Final = {
    "third_parties": False,
    "does_not_take": 0.0,
    "never_provisioned": 0.04,
    "replace_retired": True,
    "acp_info": "absent",
    "continuation": "token",
}
_SHORT_GRACE: Final = {"ACP_GRACE_HOURS": "0.003"}
"""11 seconds: nobody who watches waits for a day."""

WORLDS: Final = {
    World.THIRD_PARTIES: Preset(),
    World.TODAY: Preset(_TENANT_OF_TODAY, {"ACP_REPROCESS_LICENSES": "true", **_SHORT_GRACE}),
    World.DOCUMENTED: Preset(
        _TENANT_OF_TODAY,
        {"ACP_TEAMS_API": "documented", **_SHORT_GRACE},
        heals=False,
        checks_rights=True,
    ),
}
