"""The dial-in conferencing service: who has it, on which bridge, with which numbers.

Source of the rules: Microsoft, Enable-CsOnlineDialInConferencingUser and
Set-CsOnlineDialInConferencingUser,
https://learn.microsoft.com/powershell/module/teams/set-csonlinedialinconferencinguser
"""

import random

from local.tenant.clock import Clock, fine_stamp
from local.tenant.directory.accounts import Directory
from local.tenant.directory.people import MICROSOFT, Conference, ProviderEntry, User
from local.tenant.errors import TeamsError
from local.tenant.ledger import Ledger
from local.tenant.options import TenantOptions
from local.tenant.teams.conference_set import ConferenceSet
from local.tenant.teams.entries import microsoft_entry
from local.tenant.teams.numbers import Bridge, new_guid, normal_number
from local.tenant.teams.settings import TenantSettings

# The service has no conferencing for these. Rooms and resource accounts it does take, when they
# are licensed: that is why the application has to keep its hands off them.
REFUSED_ACCOUNTS = frozenset({"Guest", "SfBOnPremUser", "IneligibleUser", "Unknown"})


class Conferencing:
    """Sets, replaces and removes providers, at once. What licensing does is in provisioning.py."""

    def __init__(
        self,
        *,
        options: TenantOptions,
        directory: Directory,
        bridges: tuple[Bridge, ...],
        settings: TenantSettings,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._options = options
        self._bridges = bridges
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._rng = random.Random(f"{options.seed}/service")  # noqa: S311 - not a secret
        self._conference_ids: set[tuple[str, str]] = set()
        for user in directory.users:
            if user.conference:
                self._conference_ids.add((user.conference.bridge_id, user.conference.conference_id))

    def set_user(self, user: User, request: ConferenceSet) -> str | None:
        """Set a conferencing user, and make Microsoft the provider where that is requested.

        Returns the PIN when one was issued. Raises TeamsError; then nothing has changed.
        """
        self.check(user)
        if request.replace_provider and self._options.replace_retired:
            raise TeamsError("ReplaceProviderRetired", "replaceProvider is not supported any more.")
        third_party = user.provider not in {None, MICROSOFT}
        if third_party and not request.replace_provider:
            raise TeamsError(
                "ThirdPartyProvider",
                f"The user's audio conferencing provider is {user.provider}. "
                "Use replaceProvider to replace it.",
            )
        at = self._clock.now()
        if user.conference is not None and not third_party:
            return self._update(user, user.conference, request, at)
        self._make_microsoft(user, request, "replaced" if third_party else "enabled", at)
        user.sets += 1
        return user.conference.pin if user.conference else None

    def check(self, user: User) -> None:
        """Raise TeamsError unless the user can have Microsoft's conferencing right now."""
        if user.account_type in REFUSED_ACCOUNTS:
            raise TeamsError(
                "UserNotEligible", f"An account of type {user.account_type} cannot be enabled."
            )
        if not user.licensed:
            raise TeamsError("UserNotLicensed", "The user has no Audio Conferencing license.")
        if not user.provisioned:
            raise TeamsError(
                "NotAConferencingUser", "The service does not have the user's license yet."
            )

    def set_by_hand(self, user: User, entries: tuple[ProviderEntry, ...]) -> None:
        """Put a user on other provider entries, as somebody with a script of his own would."""
        before = user.provider
        user.entries = entries
        user.conference = None
        self._changed(user, self._clock.now(), "set_by_hand", before)

    def bridge_of(self, conference: Conference) -> Bridge:
        """The bridge a conference is on."""
        return next(b for b in self._bridges if b.id == conference.bridge_id)

    # -- what licensing does, when it is time

    def enable(self, user: User, at: float) -> None:
        """Do what a license does to a user whom the service has just got, at a time in seconds."""
        if user.account_type in REFUSED_ACCOUNTS or user.provider == MICROSOFT:
            return
        if user.provider is None and user.takes:
            self._make_microsoft(user, ConferenceSet(), "enabled_automatically", at)
        elif user.provider is not None and self._settings.automatically_replace:
            self._make_microsoft(user, ConferenceSet(), "replaced_automatically", at)

    def disable(self, user: User, at: float) -> None:
        """Take the service away from a user without a license, at a time in seconds."""
        before = user.provider
        if user.conference is not None:
            user.conference = None
            user.entries = tuple(e for e in user.entries if e.name != MICROSOFT)
            self._changed(user, at, "service_removed", before)

    # -- the two effects

    def _make_microsoft(self, user: User, request: ConferenceSet, action: str, at: float) -> None:
        before = user.provider
        bridge = self._bridge(request, self._bridges[0])
        user.conference = Conference(
            bridge_id=bridge.id,
            conference_id=self._new_conference_id(bridge),
            number=self._number(request.service_number, bridge, toll_free=False)
            or bridge.toll_for(user.usage_location),
            toll_free_number=self._number(request.toll_free_service_number, bridge, toll_free=True)
            or bridge.toll_free_for(user.usage_location),
            pin=self._new_pin(),
            allow_toll_free=request.allow_toll_free_dial_in is not False,
        )
        # Every third-party entry goes, with its numbers: the service keeps no copy.
        user.entries = (microsoft_entry(user.conference, new_guid(self._rng)),)
        self._mail(user, request, automatic=True)
        self._changed(user, at, action, before)

    def _update(
        self, user: User, conference: Conference, request: ConferenceSet, at: float
    ) -> str | None:
        """Change what was requested; a call that asks for what is so already changes nothing."""
        old_bridge = self.bridge_of(conference)
        bridge = self._bridge(request, old_bridge)
        moved = bridge.id != old_bridge.id
        number = self._number(request.service_number, bridge, toll_free=False) or (
            bridge.toll_for(user.usage_location) if moved else conference.number
        )
        toll_free = self._number(request.toll_free_service_number, bridge, toll_free=True) or (
            bridge.toll_free_for(user.usage_location) if moved else conference.toll_free_number
        )
        allow = request.allow_toll_free_dial_in
        allow = conference.allow_toll_free if allow is None else allow
        numbers_changed = moved or (number, toll_free) != (
            conference.number,
            conference.toll_free_number,
        )
        pin = self._new_pin() if request.reset_leader_pin else None
        after = Conference(
            bridge_id=bridge.id,
            conference_id=(self._new_conference_id(bridge) if moved else conference.conference_id),
            number=number,
            toll_free_number=toll_free,
            pin=pin or conference.pin,
            allow_toll_free=allow,
        )
        user.conference = after
        user.sets += after != conference or pin is not None
        if numbers_changed:
            self._rewrite_entry(user, after)
            self._changed(user, at, "number_set", conference.number, number)
        self._mail(user, request, automatic=numbers_changed or pin is not None)
        return pin

    def _rewrite_entry(self, user: User, conference: Conference) -> None:
        user.entries = tuple(
            microsoft_entry(conference, e.url.rpartition("/")[2], default=e.default)
            if e.name == MICROSOFT
            else e
            for e in user.entries
        )

    def _bridge(self, request: ConferenceSet, otherwise: Bridge) -> Bridge:
        if request.bridge_id is None and request.bridge_name is None:
            return otherwise
        for bridge in self._bridges:
            same_id = request.bridge_id is None or bridge.id == request.bridge_id.lower()
            same_name = request.bridge_name is None or bridge.name == request.bridge_name
            if same_id and same_name:
                return bridge
        named = request.bridge_id or request.bridge_name
        raise TeamsError("BridgeNotFound", f"There is no conference bridge {named!r}.")

    def _number(self, text: str | None, bridge: Bridge, *, toll_free: bool) -> str | None:
        if text is None:
            return None
        digits = normal_number(text)
        if digits is None:
            raise TeamsError("InvalidNumber", f"{text!r} is not E.164, +E.164 or tel:+E.164.")
        found = bridge.find(digits, toll_free=toll_free)
        if found is None:
            kind = "toll-free" if toll_free else "toll"
            raise TeamsError(
                "NumberNotOnBridge", f"{text!r} is not a {kind} number of bridge {bridge.name!r}."
            )
        return found.number

    def _new_conference_id(self, bridge: Bridge) -> str:
        while True:
            drawn = str(self._rng.randrange(100_000_000, 1_000_000_000))
            if (bridge.id, drawn) not in self._conference_ids:
                self._conference_ids.add((bridge.id, drawn))
                return drawn

    def _new_pin(self) -> str:
        return f"{self._rng.randrange(100_000):05d}"

    def _mail(self, user: User, request: ConferenceSet, *, automatic: bool) -> None:
        if request.send_email or (automatic and self._settings.send_emails):
            user.mails += 1
            self._ledger.mails += 1

    def _changed(
        self, user: User, at: float, action: str, before: str | None, after: str | None = None
    ) -> None:
        self._ledger.changed(user.id, fine_stamp(at), action, before, after or user.provider)
        if self._settings.migrate_meetings:
            self._ledger.meeting_updates += 1
