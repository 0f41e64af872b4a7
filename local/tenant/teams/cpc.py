"""`/Teams.Cpc`: conferencing users, the providers, the bridges."""

import copy

from local.tenant.directory.accounts import Directory
from local.tenant.directory.people import MICROSOFT, Conference, User
from local.tenant.errors import TeamsError
from local.tenant.exchange import Answer, Call
from local.tenant.ledger import Ledger
from local.tenant.teams.conference_set import read_conference_set
from local.tenant.teams.conferencing import Conferencing
from local.tenant.tenant import Tenant


class TeamsCpc:
    """What Set- and Enable-CsOnlineDialInConferencingUser do, and what may be chosen from."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._shadow = Conferencing(
            options=tenant.options,
            directory=Directory(),
            bridges=tenant.bridges,
            settings=tenant.settings,
            ledger=Ledger(),
            clock=tenant.clock,
        )

    def set_user(self, call: Call) -> Answer:
        """Set a conferencing user; with replaceProvider, make Microsoft the provider."""
        user = self._find(call)
        try:
            body = call.json()
        except ValueError:
            raise TeamsError("BadRequest", "The body is not JSON.") from None
        request = read_conference_set(body)
        dice = self._tenant.dice
        if dice.strikes("set_refused"):
            raise TeamsError("BadRequest", "An injected fault: this user is not set.")
        if dice.strikes("set_succeeds_but_did_not"):
            # A copy of the user is set, in a service that nothing else reads.
            user = copy.copy(user)
            pin = self._shadow.set_user(user, request)
        else:
            self._tenant.remember(user)
            pin = self._tenant.conferencing.set_user(user, request)
            if dice.strikes("set_fails_but_took_effect"):
                raise TeamsError("InternalServerError", "An injected fault.")
        conference = conference_of(user)
        if conference is None:
            raise AssertionError("a user that was set is a conferencing user")
        return Answer(200, self._show(user, conference, pin))

    def get_user(self, call: Call) -> Answer:
        """One conferencing user; those on a third party or on nobody are none."""
        user = self._find(call)
        seen = self._tenant.seen(user)
        conference = conference_of(seen)
        if conference is None:
            raise TeamsError("UserNotFound", f"{call.params['id']!r} is not a conferencing user.")
        return Answer(200, self._show(seen, conference))

    def providers(self, _: Call) -> Answer:
        """The third-party providers the tenant knows."""
        return Answer(200, self._tenant.providers)

    def bridges(self, _: Call) -> Answer:
        """The conference bridges with their numbers."""
        return Answer(200, [bridge.as_json() for bridge in self._tenant.bridges])

    def _find(self, call: Call) -> User:
        key = call.params["id"].removeprefix("sip:")
        user = self._tenant.directory.find(key)
        if user is None:
            raise TeamsError("UserNotFound", f"There is no user {call.params['id']!r}.")
        return user

    def _show(
        self, user: User, conference: Conference, pin: str | None = None
    ) -> dict[str, object]:
        """The user's conferencing. The PIN is shown once, in the answer that issued it."""
        bridge = self._tenant.conferencing.bridge_of(conference)
        return {
            "identity": user.id,
            "displayName": user.display_name,
            "sipAddress": f"sip:{user.upn}",
            "tenantId": self._tenant.id,
            "bridgeId": bridge.id,
            "bridgeName": bridge.name,
            "conferenceId": conference.conference_id,
            "serviceNumber": conference.number,
            "tollFreeServiceNumber": conference.toll_free_number,
            "defaultTollNumber": conference.number,
            "defaultTollFreeNumber": conference.toll_free_number,
            "allowTollFreeDialIn": conference.allow_toll_free,
            "allowPstnOnlyMeetings": False,
            "leaderPin": pin,
        }


def conference_of(user: User) -> Conference | None:
    """The user's conferencing, None unless Microsoft is the provider."""
    listed = user.provider == MICROSOFT and user.deleted_at is None
    return user.conference if listed else None
