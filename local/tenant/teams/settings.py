"""OnlineDialInConferencingTenantSettings: the tenant-wide switches an administrator must know.

Source: Microsoft, Set-CsOnlineDialInConferencingTenantSettings,
https://learn.microsoft.com/powershell/module/teams/set-csonlinedialinconferencingtenantsettings
"""

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
