"""OnlineDialInConferencingTenantSettings: the tenant-wide switches an administrator must know.

Source: Microsoft, Set-CsOnlineDialInConferencingTenantSettings,
https://learn.microsoft.com/powershell/module/teams/set-csonlinedialinconferencingtenantsettings
"""

from local.tenant.errors import TeamsError
from local.tenant.options import TenantOptions

Value = bool | int | str


class TenantSettings:
    """The settings by name, each of the type it was born with."""

    def __init__(self, options: TenantOptions) -> None:
        self._values: dict[str, Value] = {
            "AutomaticallyReplaceAcpProvider": options.automatically_replace,
            "AutomaticallySendEmailsToUsers": options.send_emails,
            "AutomaticallyMigrateUserMeetings": options.migrate_meetings,
            "AllowPSTNOnlyMeetingsByDefault": False,
            "EnableEntryExitNotifications": True,
            "EntryExitAnnouncementsType": "UseNames",
            "EnableNameRecording": True,
            "IncludeTollFreeNumberInMeetingInvites": True,
            "PinLength": 5,
            "SendEmailFromOverride": False,
            "UseUniqueConferenceIds": True,
        }

    @property
    def automatically_replace(self) -> bool:
        """Whether licensing alone replaces a third-party provider."""
        return self._values["AutomaticallyReplaceAcpProvider"] is True

    @property
    def send_emails(self) -> bool:
        """Whether users are mailed their numbers and PIN."""
        return self._values["AutomaticallySendEmailsToUsers"] is True

    @property
    def migrate_meetings(self) -> bool:
        """Whether a change re-sends all future meetings of the user."""
        return self._values["AutomaticallyMigrateUserMeetings"] is True

    def as_json(self) -> dict[str, object]:
        """The settings with their Identity."""
        return {"Identity": "Global", **self._values}

    def change(self, wanted: object) -> None:
        """Merge the given settings. Unknown names and wrong types change nothing.

        Raises TeamsError BadRequest naming the setting.
        """
        if not isinstance(wanted, dict):
            raise TeamsError("BadRequest", "The body must be a JSON object of settings.")
        changes = {name: value for name, value in wanted.items() if name != "Identity"}
        for name, value in changes.items():
            known = self._values.get(name)
            if known is None:
                raise TeamsError("BadRequest", f"Unknown setting {name!r}.")
            if type(value) is not type(known):
                kind = type(known).__name__
                raise TeamsError("BadRequest", f"Setting {name!r} must be a {kind}, not {value!r}.")
        self._values.update(changes)
