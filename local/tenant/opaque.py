"""Opaque tokens for links, which a client returns as they are."""

import base64
import binascii
import json


def pack(state: dict[str, object]) -> str:
    """The state as one URL-safe word."""
    return base64.urlsafe_b64encode(json.dumps(state).encode()).rstrip(b"=").decode()


def unpack(text: str) -> dict[str, object] | None:
    """The state in a word made by `pack`; None when it was not."""
    try:
        state = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    return state if isinstance(state, dict) else None
