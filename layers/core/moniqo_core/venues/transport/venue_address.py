"""The check of a venue's address, which keeps calls out of private networks."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from moniqo_core.domain.errors import WalletConnectionError

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_EMBED_IPV4: Final = ("::/96", "64:ff9b::/96", "2002::/16")


def checked_address(url: str | None, *, allow_loopback: bool) -> str:
    """Return the address of a venue without a trailing slash.

    An administrator wrote it and may have been deceived. So this machine is called only if ``allow_loopback`` is true,
    and private networks are never called.

    Raises:
        WalletConnectionError: the address is not https (on this machine, http or https), is not public, or holds
            credentials, a query or a fragment.

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
    """Tell whether a host is a name with a dot, or an IP address that is globally reachable."""
    try:
        address = ip_address(host)
    except ValueError:
        first, _, last = host.rstrip(".").rpartition(".")
        # Non-ASCII characters may be mapped to others. A resolver reads "127.1" and "0x7f000001" as addresses.
        return host.isascii() and bool(first) and last != "localhost" and not last[:1].isdigit()
    if isinstance(address, IPv6Address):
        # An IPv6 address may embed an IPv4 address: IPv4-compatible, NAT64, 6to4.
        return address.is_global and not any(address in network for network in map(IPv6Network, _EMBED_IPV4))
    return address.is_global


def _unusable() -> WalletConnectionError:
    return WalletConnectionError(
        "The wallet definition has no usable address of its venue.",
        hint="Ask an administrator to set api_config.base_url to the https address of the venue.",
    )
