"""What the demo counts and how it judges: pure functions over what was seen. No I/O."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from local.worlds import WORLDS, World
from shared.domain.outcome import Outcome
from shared.domain.retry import Waiting, WaitReason
from shared.domain.user import MICROSOFT, ProviderEntry

NOBODY: Final = "none"
"""How the demo shows that a user has no provider yet."""

_OWN_GRAPH_CALLS: Final = frozenset({"assign_license"})
"""The demo makes these calls itself, as the administrator of the tenant."""

_INSIDE_BATCHES: Final = frozenset({"get_user", "get_configuration"})
"""The tenant counts a `$batch` and each request inside it; a call is what goes over the wire."""

_BY_THE_APP: Final = frozenset({"replaced", "enabled", "number_set"})
"""Actions in the tenant's log of changes that somebody asked for through the Teams admin API."""

_REPLACED: Final = frozenset({"replaced", "replaced_automatically"})


@dataclass(frozen=True, slots=True)
class TenantUser:
    """A user as the tenant's control API shows it: the truth that the app is measured by."""

    id: str
    name: str
    upn: str
    licensed: bool
    included: bool
    plan_status: str | None
    provider: str | None
    original_entries: tuple[ProviderEntry, ...]
    deleted: bool = False

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """Read one user of `GET /_tenant/state`."""
        return cls(
            id=raw["id"],
            name=raw["displayName"],
            upn=raw["userPrincipalName"],
            licensed=raw["licensed"],
            included=raw["included"],
            plan_status=raw["planStatus"],
            provider=raw["provider"],
            original_entries=tuple(_entry(entry) for entry in raw["original_entries"]),
            deleted=raw["deleted"],
        )

    def born(self) -> Self:
        """Return the user as born with the tenant: what licenses do takes seconds, and may be done."""
        entries = self.original_entries
        default = next((entry for entry in entries if entry.default), next(iter(entries), None))
        return replace(self, provider=default.name if default else None)

    @property
    def on_microsoft(self) -> bool:
        """Whether Microsoft is the provider."""
        return self.provider == MICROSOFT

    @property
    def third_party(self) -> bool:
        """Whether somebody else than Microsoft is the provider."""
        return self.provider not in (None, MICROSOFT)

    @property
    def candidate(self) -> bool:
        """Whether this user is to be on Microsoft: licensed and included."""
        return self.licensed and self.included


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the verdict rests on: the tenant before and after, and what the app wrote down.

    changes: the tenant's log. counters: the tenant's. moved: users whom the app says it moved.
    saved: the saved records by user. waiting: users who wait or need attention.
    world: whose. permissions: the app's, of Graph, by name, where the tenant checks them.
    unfinished: what did not come to its end, in words. seconds: from the start of the demo;
    working: those of them from the first license to the last move.
    """

    before: Sequence[TenantUser]
    after: Sequence[TenantUser]
    changes: Sequence[Mapping[str, Any]]
    counters: Mapping[str, Any]
    moved: Collection[str]
    saved: Mapping[str, Sequence[tuple[ProviderEntry, ...]]]
    waiting: Mapping[str, Waiting]
    unfinished: Sequence[str]
    seconds: float
    working: float
    world: World = World.THIRD_PARTIES
    permissions: Sequence[str] = ()

    @property
    def replaced(self) -> list[TenantUser]:
        """The users whose third-party provider was replaced, by name."""
        ids = {change["user"] for change in self.changes if change["action"] in _REPLACED}
        return sorted((user for user in self.after if user.id in ids), key=lambda user: user.name)

    def has_saved(self, user: TenantUser) -> bool:
        """Whether a saved record holds all the entries that the user was born with."""
        return user.original_entries in self.saved.get(user.id, ())


def outcome_of(user: TenantUser, evidence: Evidence) -> Outcome:
    """Return what became of one user in the end; each user counts once."""
    if not user.licensed:
        return Outcome.UNLICENSED
    if not user.included:
        return Outcome.EXCLUDED
    if user.on_microsoft:
        return Outcome.MOVED if user.id in evidence.moved else Outcome.ALREADY_MICROSOFT
    row = evidence.waiting.get(user.id)
    waits = row is not None and not row.needs_attention and row.cause is not WaitReason.FAILURE
    return Outcome.WAITING if waits else Outcome.FAILED


def app_calls(calls: Mapping[str, Mapping[str, Mapping[str, int]]], service: str) -> int:
    """Return how many HTTP calls the app made to a service, by the tenant's counters."""
    apart = _OWN_GRAPH_CALLS | _INSIDE_BATCHES if service == "graph" else frozenset()
    operations = calls.get(service, {})
    return sum(sum(operations[name].values()) for name in operations if name not in apart)


Summary = dict[str, Any]
"""The figures of a demo: numbers, the world's name, and the names of permissions."""


def summarize(evidence: Evidence) -> Summary:
    """Return the figures that `--json` writes."""
    outcomes = Counter(outcome_of(user, evidence) for user in evidence.after)
    candidates_before = [user for user in evidence.before if user.candidate]
    calls = evidence.counters["calls"]
    return {
        "world": str(evidence.world),
        "users": len(evidence.after),
        "licensed": sum(user.licensed for user in evidence.after),
        "ready_before": sum(not user.on_microsoft for user in candidates_before),
        "moved": outcomes[Outcome.MOVED],
        "already_microsoft": outcomes[Outcome.ALREADY_MICROSOFT],
        "unlicensed": outcomes[Outcome.UNLICENSED],
        "excluded": outcomes[Outcome.EXCLUDED],
        "waiting": outcomes[Outcome.WAITING],
        "failed": outcomes[Outcome.FAILED],
        "attention": len(in_attention(evidence)),
        "third_party_before": sum(user.third_party for user in evidence.before),
        "third_party_after_licensed": sum(u.third_party for u in evidence.after if u.candidate),
        "replaced_saved": sum(evidence.has_saved(user) for user in evidence.replaced),
        "notifications": evidence.counters["notifications"]["delivered"],
        "graph_calls": app_calls(calls, "graph"),
        "teams_calls": app_calls(calls, "teams"),
        "graph_permissions": list(evidence.permissions),
        "seconds": round(evidence.seconds, 3),
    }


def in_attention(evidence: Evidence) -> set[str]:
    """Return the licensed, included users who are not on Microsoft and listed under *needs attention*."""
    listed = {row.user_id for row in evidence.waiting.values() if row.needs_attention}
    return {u.id for u in evidence.after if u.candidate and not u.on_microsoft and u.id in listed}


def not_on_microsoft(evidence: Evidence) -> list[str]:
    """Return a line for each licensed, included user who is not on Microsoft: who, and why not.

    Where a world does not heal everybody by itself, users who need attention are as they should be.
    """
    lines = []
    expected = set() if WORLDS[evidence.world].heals else in_attention(evidence)
    for user in evidence.after:
        if user.candidate and not user.on_microsoft and user.id not in expected:
            row = evidence.waiting.get(user.id)
            reason = row.reason if row else "the app has no note of why"
            lines.append(f"{user.upn}: on {user.provider or NOBODY}; {reason}")
    return lines


def not_saved(evidence: Evidence) -> list[str]:
    """Return a line for each user whose provider was replaced and whose entries are not saved."""
    return [
        f"{user.upn}: {len(user.original_entries)} entries at first, "
        f"{len(evidence.saved.get(user.id, ()))} saved records, none complete"
        for user in evidence.replaced
        if not evidence.has_saved(user)
    ]


def wrongly_changed(evidence: Evidence) -> list[str]:
    """Return a line for each change that the app made to an unlicensed or excluded user."""
    after = {user.id: user for user in evidence.after}
    return [
        f"{after[change['user']].upn}: {change['action']} from {change['from'] or NOBODY}"
        for change in evidence.changes
        if change["action"] in _BY_THE_APP and not after[change["user"]].candidate
    ]


def by_provider(users: Iterable[TenantUser]) -> Counter[str]:
    """Return how many users each provider has; `NOBODY` for those without one."""
    return Counter(user.provider or NOBODY for user in users)


def _entry(raw: Mapping[str, Any]) -> ProviderEntry:
    """Return an entry as Teams words it as a domain type."""
    return ProviderEntry(
        name=raw["name"],
        domain=raw["domain"],
        toll_number=raw["tollNumber"] or "",
        toll_free_number=raw["tollFreeNumber"] or "",
        passcode=raw["participantPassCode"],
        url=raw["url"],
        default=raw["default"],
    )
