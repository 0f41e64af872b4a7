"""All errors of the system, in one tree.

    AcpError
    ├── SettingsError            an app setting is missing or malformed; the app does not start
    ├── InputError               a notification, message or request is invalid
    │   ├── TooLargeError        ... because it is too large
    │   ├── MediaTypeError       ... because it is of a type that is not read
    │   ├── NoSuchItemError      ... because it names something that does not exist
    │   └── ConflictError        ... because the state of the named item does not permit it
    ├── NotPermittedError        a caller of the API is not signed in, or lacks the app role
    ├── StorageError             a table or queue refused the operation or did not answer
    │   ├── UnreadableRowError   ... a row is damaged, or of a newer version
    │   └── RowRefusedError      ... it never takes this row: a property is too large or malformed
    ├── BusyError                another instance is doing this right now
    │   └── StaleError           ... and has written what was read here before
    └── ServiceError             Graph, Teams or the identity endpoint; names service and operation
        ├── TransientError       a later retry may help; the client's own retries are used up
        │   ├── UnreachableError no connection, or no answer in time
        │   ├── ThrottledError   429 or 503: the service asks us to wait
        │   │   ├── LateTurnError    the call got no turn in the time it had; it was not made
        │   │   └── RetryLaterError  ... for so long that the call was not made; says how long
        │   ├── ServerFaultError another 5xx
        │   └── InvalidResponseError  the answer is not JSON at all
        ├── AccessDeniedError    401 or 403: a role or permission is missing
        ├── NotFoundError        404
        ├── RejectedError        another 4xx, with the service's own code
        │   ├── ExpiredError     a delta link that Graph no longer accepts
        │   └── AmbiguousNameError  several users have the address
        └── ContractError        the answer lacks a field or a field has an unknown value
            └── ListingError     a listing turns in circles, leads elsewhere or ends where it cannot

A message says what was tried, on what, and what to do next. It never carries a passcode, a PIN, a
token or the body of an answer.
"""

from collections.abc import Sequence

from shared.text import harmless


class AcpError(Exception):
    """The root of all errors that the system raises deliberately."""


class SettingsError(AcpError):
    """An app setting is missing or malformed."""


class InputError(AcpError):
    """Invalid input; the text names the field and what is expected."""


class TooLargeError(InputError):
    """The input is larger than accepted."""


class MediaTypeError(InputError):
    """The input is of a type that is not read."""


class NoSuchItemError(InputError):
    """The named item does not exist: a run, a user, a provider."""


class ConflictError(InputError):
    """The named item exists, but its state does not permit the request."""


class NotPermittedError(AcpError):
    """The caller lacks permission. signed_in: the caller is known, but lacks the role."""

    def __init__(self, detail: str, *, signed_in: bool) -> None:
        super().__init__(detail)
        self.signed_in = signed_in


class StorageError(AcpError):
    """A table or queue operation failed."""

    def __init__(self, operation: str, detail: str) -> None:
        super().__init__(f"storage: {operation} failed: {detail}")
        self.operation = operation


class UnreadableRowError(StorageError):
    """A row is damaged or was written by a newer version; reading it again does not help."""


class RowRefusedError(StorageError):
    """The table does not take this row (400, 413); writing it again does not help."""


class BusyError(AcpError):
    """Another instance is doing this right now."""


class StaleError(BusyError):
    """Another instance has written the item since it was read; nothing was written."""


class ServiceError(AcpError):
    """A call to a Microsoft service failed.

    service: "Graph", "Teams" or "identity". operation: verb and path without any identifier.
    code: the service's own error code, if any. status: the HTTP status, or 0.
    """

    def __init__(
        self, service: str, operation: str, detail: str, code: str = "", status: int = 0
    ) -> None:
        detail, code = harmless(detail), harmless(code)  # they are the service's own words
        super().__init__(f"{service}: {operation}: {detail}")
        self.status = status
        self.service = service
        self.operation = operation
        self.detail = detail
        self.code = code


class TransientError(ServiceError):
    """A later retry may help."""


class UnreachableError(TransientError):
    """No connection, or no answer in time."""


class ThrottledError(TransientError):
    """The service throttles its callers."""


class RetryLaterError(ThrottledError):
    """The service asked for a longer pause than a call waits; `seconds` of it are left."""

    def __init__(self, service: str, operation: str, seconds: float) -> None:
        super().__init__(service, operation, f"the service asks us to wait {seconds:.0f} s")
        self.seconds = seconds


class LateTurnError(ThrottledError):
    """The call got no turn in the time it had; it was not made."""


class ServerFaultError(TransientError):
    """The service failed (5xx)."""


class InvalidResponseError(TransientError):
    """The answer is not JSON."""


class AccessDeniedError(ServiceError):
    """The identity lacks a role or a permission (401, 403)."""


class NotFoundError(ServiceError):
    """The service did not find the item (404)."""


class RejectedError(ServiceError):
    """The service refused the request (another 4xx)."""


class ExpiredError(RejectedError):
    """A delta link, or the next page of a listing, is too old: only reading from the start helps."""


class AmbiguousNameError(RejectedError):
    """Several users have an address that is nobody's user name; `users`: their user names."""

    def __init__(self, operation: str, users: Sequence[str]) -> None:
        named = " and ".join(users)
        super().__init__("Graph", operation, f"{named} have this address: give the user name or id")
        self.users = tuple(users)


class ContractError(ServiceError):
    """The answer lacks a required field, or a field has a value that this version does not know."""


class ListingError(ContractError):
    """A listing of the service cannot be trusted: nobody may be changed on its word."""
