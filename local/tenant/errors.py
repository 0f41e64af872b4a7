"""Errors of the tenant's services.

ApiError
 +-- GraphError    {"error": {"code", "message", "innerError"}}
 +-- TeamsError    {"code", "message"}; the codes are the table below
 +-- ControlError  {"error": {"field", "message"}}
"""

TEAMS_CODES = {
    "Unauthorized": (401, "the token is missing, expired, or not for this service"),
    "Forbidden": (403, "the caller has no directory role that permits the call"),
    "MissingHeader": (400, "one of the X-MS-* headers that every call must carry is missing"),
    "BadRequest": (400, "the body or a query parameter is not understood; the message names it"),
    "UserNotFound": (404, "no such user, or the service does not know it"),
    "NotAConferencingUser": (404, "known, but the service has no conferencing for the user (yet)"),
    "UserNotEligible": (400, "guests, on-premises and ineligible accounts cannot have the service"),
    "UserNotLicensed": (400, "no conferencing plan is Enabled for the user"),
    "ThirdPartyProvider": (400, "a third party is the provider and replaceProvider was not given"),
    "ReplaceProviderRetired": (400, "the service does not replace providers any more"),
    "BridgeNotFound": (400, "the tenant has no such bridge"),
    "InvalidNumber": (400, "not E.164, +E.164 or tel:+E.164"),
    "NumberNotOnBridge": (400, "the number does not belong to the bridge"),
    "NotFound": (404, "no such address"),
    "MethodNotAllowed": (405, "the address exists, not with this method"),
    "TooManyRequests": (429, "slow down"),
    "InternalServerError": (500, "an injected fault"),
    "ServiceUnavailable": (503, "an injected fault"),
}
"""Every code of the Teams services: its HTTP status and when it is given. Our own: the real ones
are not published."""

FAULT_CODES = {429: "TooManyRequests", 500: "InternalServerError", 503: "ServiceUnavailable"}
"""The code of an injected fault, by its status."""


class ApiError(Exception):
    """A call that is refused. `headers` go into the answer."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


class GraphError(ApiError):
    """Refused by Graph.

    Source: https://learn.microsoft.com/graph/errors
    """


class TeamsError(ApiError):
    """Refused by a Teams service, with a code of TEAMS_CODES."""

    def __init__(self, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(TEAMS_CODES[code][0], code, message, headers)


class ControlError(ApiError):
    """Refused by the control API: `field` is the part of the input that is wrong."""

    def __init__(self, field: str, message: str, status: int = 400) -> None:
        super().__init__(status, field, message)
