"""Changes that this app made: what began, and whose it is when a user is found on Microsoft."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.domain.claim import BegunChange, Claim
from shared.domain.decision import Action
from shared.domain.history import Change, DialIn, HistoryEvent
from shared.domain.outcome import Outcome, UserResult
from shared.domain.saved import replaced_by
from shared.domain.user import MICROSOFT, ConferencingUser, ServiceUser
from shared.services.moving.assess import Assessment
from shared.services.ports import ReplacedProviders, Users

_EVENTS: Final = {
    Action.SET_NUMBER: HistoryEvent.NUMBER_CHANGED,
    Action.CHANGE_BRIDGE: HistoryEvent.BRIDGE_CHANGED,
}
_OUTCOMES: Final = {
    HistoryEvent.MOVED: Outcome.MOVED,
    HistoryEvent.BRIDGE_CHANGED: Outcome.BRIDGE_CHANGED,
}


class OwnChanges:
    """Finds the change of this app that brought a user to Microsoft."""

    def __init__(self, replaced: ReplacedProviders, users: Users) -> None:
        self._replaced = replaced
        self._users = users

    async def find(
        self,
        found: Assessment,
        uncertain: Change | None,
        claim: Claim,
        after: ServiceUser | None = None,
    ) -> UserResult | None:
        """Return the result of a user whom the app changed: now, before a crash, or for this very run,
        whose message came again; None: somebody else did. BusyError: who did it will tell of it.

        uncertain: what this attempt, whose claim it is, began without an answer. after: the user since the
        change, if `found` is from before it.
        """
        if uncertain is not None and uncertain.what is not HistoryEvent.NUMBER_CHANGED:
            return _changed(found, uncertain, after)
        begun = await self._replaced.begun(found.user.id)
        if uncertain or after:  # then a number is this attempt's
            begun = [each for each in begun if not each.number]
        if result := await self._begun_before(found, begun, claim, after):
            return result
        return _changed(found, uncertain, after) if uncertain else None

    async def _begun_before(
        self,
        found: Assessment,
        begun: Sequence[BegunChange],
        claim: Claim,
        after: ServiceUser | None,
    ) -> UserResult | None:
        known = await self._users.known(found.user.id) if begun or claim.run else None
        if known:
            begun = [each for each in begun if not known.rules_out(each)]
        for each in begun:
            if each.claim and each.claim.is_same(claim) and not each.number:
                return await self._result_of(found, each, after)
        # What is recorded for this run is in the history, too.
        if known and claim.run and known.moved_run == claim.run:
            return found.result(Outcome.MOVED, known.old_provider)
        if known and claim.run and known.bridge_run == claim.run:
            return found.result(Outcome.BRIDGE_CHANGED, MICROSOFT)
        last = next((each for each in begun if not (known and known.has_recorded(each))), None)
        if last is None:
            return None
        if last.number:
            return await self._number_of(found, last, last.number, claim)
        result = await self._result_of(found, last, after)
        await self._replaced.take_over(found.user.id, claim)
        return result

    async def _number_of(
        self, found: Assessment, begun: BegunChange, before: DialIn, claim: Claim
    ) -> UserResult | None:
        """Return the result of a user who was given a number; None: the set did not happen."""
        result = _changed(found, Change(HistoryEvent.NUMBER_CHANGED, begun.at, before), None)
        after = result.change.after if result.change else before
        if after.numbers == before.numbers:
            return None
        if not (begun.claim and begun.claim.is_same(claim)):
            await self._replaced.take_over(found.user.id, claim, number=True)
        return result

    async def _result_of(
        self, found: Assessment, begun: BegunChange, after: ServiceUser | None
    ) -> UserResult:
        """Return the result of a change that was begun; what it replaced is read from what was saved."""
        on_microsoft = begun.provider == MICROSOFT
        what = HistoryEvent.BRIDGE_CHANGED if on_microsoft else HistoryEvent.MOVED
        change = Change(what, begun.at, DialIn(begun.provider))
        result = _changed(found, change, after)
        if saved := replaced_by(result, await self._replaced.of(found.user.id)):
            return _changed(found, replace(change, before=DialIn.of_saved(saved)), after)
        return result


def begin(
    action: Action, claim: Claim, service: ServiceUser, before: ConferencingUser | None
) -> Change:
    """Return the change that begins. before: what a user on Microsoft has."""
    what = _EVENTS.get(action, HistoryEvent.MOVED)
    if before and what is not HistoryEvent.MOVED:
        return Change(what, claim.at, DialIn.of_conferencing(before))
    return Change(what, claim.at, DialIn.of_entry(service.provider))


def foremost(first: Change | None, second: Change) -> Change:
    """Return of two uncertain changes of one attempt the one to tell of: a move before all others."""
    if first is None or second.what is HistoryEvent.MOVED:
        return second
    if first.what is second.what:
        return replace(second, before=first.before)
    return second if first.what is HistoryEvent.NUMBER_CHANGED else first


def _changed(found: Assessment, change: Change, after: ServiceUser | None) -> UserResult:
    """Return the result of a user whom the system changed."""
    outcome = _OUTCOMES.get(change.what)
    old = change.before.provider if outcome else None
    service = after or found.service
    since = DialIn.of_entry(service.provider if service else None)
    return replace(found.result(outcome, old), change=replace(change, after=since))


def done(
    found: Assessment, change: Change, seen: ServiceUser | None, bridge: str | None
) -> UserResult:
    """Return the result of a set that the service took. seen: the user since then, once that shows."""
    if seen:
        after = DialIn.of_entry(seen.provider, bridge or "")
        return replace(found.result(None, found.provider), change=replace(change, after=after))
    unseen = failed(found, "the service took the change but does not show it yet")
    if change.what is not HistoryEvent.NUMBER_CHANGED:
        return unseen  # the attempt that sees it tells of it
    chosen = found.decision.number or "", found.decision.toll_free or ""
    return replace(unseen, change=replace(change, after=DialIn(MICROSOFT, *chosen, bridge or "")))


def failed(found: Assessment, reason: str, *, needs_person: bool = False) -> UserResult:
    """Return the result of a user whom nobody could change."""
    return replace(found.result(Outcome.FAILED), reason=reason, needs_person=needs_person)
