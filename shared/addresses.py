"""Where tokens, keys and secrets may go: over https, or to this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def keeps_secrets(url: str) -> bool:
    """Return whether what is sent to an address cannot be read on the way."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host)))


def _is_here(host: str) -> bool:
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
