"""What an answer means: its content, or the error of shared/errors.py that its status and code stand for."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import httpx
from pydantic import ValidationError

from shared.clients.values import describe, read_object
from shared.clients.wire import Call, constant_of
from shared.errors import (
    AccessDeniedError,
    ContractError,
    InvalidResponseError,
    NotFoundError,
    RejectedError,
    ServerFaultError,
    ServiceError,
    ThrottledError,
)

_LONGEST_CODE: Final = 64

_EXPIRED: Final = frozenset({"Directory_ExpiredPageToken", "ExpiredPageToken", "ExpiredSkipToken"})
"""Codes of a next page that is too old; Graph's is the first one."""

_VERBS: Final = re.compile(r"\b[A-Za-z]{3,7}\b")


def parse_body[T](service: str, call: Call, body: bytes, parse: Callable[[bytes], T]) -> T:
    """Return `parse(body)`; pydantic errors become InvalidResponseError or ContractError, free of values."""
    try:
        return parse(body)
    except ValidationError as error:
        if error.errors(include_input=False, include_url=False)[0]["type"] == "json_invalid":
            raise InvalidResponseError(service, str(call), "the answer is not JSON") from None
        raise ContractError(service, str(call), describe(error)) from None
    except ValueError:
        raise InvalidResponseError(service, str(call), "the answer is not JSON") from None


def error_of(
    service: str, call: Call, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> ServiceError:
    """Return the error for an HTTP status; it has the service's code, not its text."""
    code = _code(body)
    detail = f"HTTP {status} {code}".rstrip()
    kind: type[ServiceError]
    match status:
        case 401 | 403:
            kind, detail = AccessDeniedError, f"{detail}; a role or permission is missing"
        case 404:
            kind = NotFoundError
        case 429 | 503:
            kind = ThrottledError
        case 405:
            takes = f"the service takes {allowed_verbs(headers or {})}"
            correct = f"correct the verb of {call.template} in {constant_of(call)}"
            kind, detail = RejectedError, f"{detail}; {takes}: {correct}"
        case _ if status == httpx.codes.REQUEST_TIMEOUT or httpx.codes.is_server_error(status):
            kind = ServerFaultError
        case _:
            kind = RejectedError
    return kind(service, str(call), detail, code, status)


def has_expired(error: RejectedError) -> bool:
    """Return whether the service refused a next page because it is too old."""
    return error.status == httpx.codes.GONE or error.code in _EXPIRED


def allowed_verbs(headers: Mapping[str, str]) -> str:
    """Return the verbs in the header Allow of an answer; `another verb` where it names none."""
    found = [verb.upper() for verb in _VERBS.findall(headers.get("Allow", "")[:200])]
    return ", ".join(found) or "another verb"


def plain_code(code: str) -> str:
    """Return a service's error code without what is none of a code's letters, and not too long."""
    return re.sub(r"[^\w.:-]+", " ", code[:_LONGEST_CODE], flags=re.ASCII).strip()


def _code(body: bytes) -> str:
    """Return the error code of a Graph (`error.code`) or Teams (`code`) error body, or ""."""
    content = read_object(body)
    inner = content.get("error", content)
    code = inner.get("code") if isinstance(inner, dict) else None
    return plain_code(code) if isinstance(code, str) else ""
