"""The names that a probe file may contain; every other name is written as `<unlisted>`. Pure."""

from typing import Final

UNLISTED: Final = "<unlisted>"

CONTINUATIONS: Final = (
    *("@odata.nextLink", "nextLink", "NextLink", "nextlink", "nextPageLink"),
    *("skipToken", "skiptoken", "SkipToken", "nextSkipToken", "continuationToken"),
)
"""Where a page may say that there is a next one."""

FIELDS: Final = frozenset(
    {
        *CONTINUATIONS,
        # envelopes and errors
        *("value", "users", "responses", "id", "status", "headers", "body", "requests"),
        *(
            "@odata.context",
            "@odata.count",
            "@odata.deltaLink",
            "@odata.type",
            "@removed",
            "reason",
        ),
        *("error", "code", "message", "innerError", "details", "date", "request-id", "action"),
        *("client-request-id", "Content-Type", "Retry-After", "Cache-Control", "OData-Version"),
        # users of Graph
        *("userPrincipalName", "userType", "usageLocation", "assignedPlans", "servicePlanId"),
        *("capabilityStatus", "service", "assignedDateTime", "visibility", "displayName"),
        # subscriptions
        *("changeType", "resource", "applicationId", "expirationDateTime", "clientState"),
        *("creatorId", "notificationUrl", "lifecycleNotificationUrl", "notificationUrlAppId"),
        *("includeResourceData", "latestSupportedTlsVersion", "encryptionCertificate"),
        *("encryptionCertificateId", "notificationQueryOptions"),
        # users of Teams, in both APIs
        *("objectId", "identity", "accountType", "featureTypes", "softDeletionTimestamp"),
        *("sipAddress", "accountEnabled", "effectivePolicyAssignments", "isEnterpriseVoiceEnabled"),
        *("telephoneNumbers", "createdDateTime", "modifiedDateTime", "givenName", "surname"),
        *("acpInfo", "AcpInfo", "default", "domain", "name", "participantPassCode"),
        *("tollFreeNumber", "tollNumber", "url", "port", "city", "country", "tenantId"),
        # discovery
        *("Endpoints", "ConfigApiEndpoint", "AdminServiceEndpoint", "Headers", "X-MS-Forest"),
        # bridges
        *("bridges", "providers", "region", "isDefault", "isShared", "defaultServiceNumber"),
        *("serviceNumbers", "number", "primaryLanguage", "secondaryLanguages", "bridgeId", "type"),
        # tenant settings and snapshots
        *("Identity", "AutomaticallyReplaceAcpProvider", "AutomaticallySendEmailsToUsers"),
        *("AutomaticallyMigrateUserMeetings", "AllowPSTNOnlyMeetingsByDefault", "PinLength"),
        *("EnableEntryExitNotifications", "EntryExitAnnouncementsType", "EnableNameRecording"),
        *(
            "IncludeTollFreeNumberInMeetingInvites",
            "SendEmailFromOverride",
            "UseUniqueConferenceIds",
        ),
        *("resources", "resourceType", "properties", "resourceLocation"),
    }
)
"""Field names, spelled as they may be: another spelling is unlisted."""

HEADERS: Final = frozenset(
    {
        *("content-type", "content-encoding", "retry-after", "allow", "location", "link"),
        *("www-authenticate", "odata-version", "request-id", "client-request-id"),
        *("x-ms-resource-unit", "x-ms-throttle-limit-percentage", "x-ms-throttle-scope"),
        *("x-ms-throttle-information", "x-ms-correlation-id", "x-ms-forest"),
        *("preference-applied",),
    }
)
"""Header names, lower-case."""

WORDS: Final = {
    "accountType": (
        *("User", "ResourceAccount", "Guest", "SfBOnPremUser", "IneligibleUser", "Unknown"),
        *("user", "resourceAccount", "guest", "sfbOnPremUser", "ineligibleUser", "unknown"),
        "unknownFutureValue",
    ),
    "featureTypes": ("Teams", "AudioConferencing", "PhoneSystem", "PhoneSystemVirtualUser"),
    "capabilityStatus": ("Enabled", "Warning", "Suspended", "Deleted", "LockedOut"),
    "userType": ("Member", "Guest"),
    "visibility": ("Public", "Private", "HiddenMembership"),
    "type": ("Toll", "TollFree"),
    "changeType": ("updated",),
}
"""Fields with words that this version knows. A file says whether it met them, not which."""

VERBS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

MEDIA_TYPES: Final = frozenset({"application/json", "text/plain", "text/html", "text/xml"})


def field_name(given: str) -> str:
    """Return a field's name as it may be written."""
    return given if given in FIELDS else UNLISTED
