"""Where a venue may be called, and the sockets to it."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from moniqo_core.domain.errors import WalletConnectionError

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_DRESSED: Final = ("::/96", "64:ff9b::/96", "2002::/16")


def checked_address(url: str | None, *, allow_loopback: bool) -> str:
    """Return the address of a venue without a slash at its end; raises WalletConnectionError unless it is https.

    An administrator wrote it, and may have been deceived: this machine is called only where that is allowed, and
    networks without names never.
    """
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise _unusable() from None
    plain_host = bool(host) and not (parts.username or parts.password or parts.query or parts.fragment)
    local = host in _LOOPBACK
    if not plain_host or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise _unusable()
    if not (allow_loopback if local else _is_public(host)):
        raise _unusable()
    return (url or "").rstrip("/")


def _is_public(host: str) -> bool:
    """Tell whether a host is a full name, or a number that is not of a network of somebody's own."""
    try:
        address = ip_address(host)
    except ValueError:
        first, _, last = host.rstrip(".").rpartition(".")
        # Signs beyond ASCII may be mapped to others; "127.1" and "0x7f000001" are addresses to a resolver.
        return host.isascii() and bool(first) and last != "localhost" and not last[:1].isdigit()
    if isinstance(address, IPv6Address):
        # An IPv4 address in another dress: compatible, NAT64, 6to4.
        return address.is_global and not any(address in network for network in map(IPv6Network, _DRESSED))
    return address.is_global


def _unusable() -> WalletConnectionError:
    return WalletConnectionError(
        "The wallet definition has no usable address of its venue.",
        hint="Ask an administrator to set api_config.base_url to the https address of the venue.",
    )
