"""The check of a venue's address, which keeps keys at their venue and calls out of private networks."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from moniqo_core.domain.errors import WalletConnectionError

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_EMBED_IPV4: Final = tuple(
    map(
        IPv6Network,
        ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
    )
)
"""IPv4-compatible, IPv4-mapped, translated by SIIT, NAT64, NAT64 of a private network, Teredo, 6to4."""


def checked_address(url: str | None, *, allow_loopback: bool, hosts: Collection[str] | None = None) -> str:
    """Return the address of a venue without a trailing slash.

    An admin wrote it and may have been deceived. So this machine is called only if ``allow_loopback`` is true,
    private networks are never called, and credentials go to known hosts only.

    Args:
        url: The address.
        allow_loopback: Whether the venue may be on this machine, with https or http.
        hosts: The hosts of the venue. None accepts every public host.

    Raises:
        WalletConnectionError: the address is not https (on this machine, http or https), is not public, names a host
            that is not one of ``hosts``, or holds credentials, a query or a fragment.

    """
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise _unusable() from None
    plain_host = bool(host) and not (parts.username or parts.password or parts.query or parts.fragment)
    local = host in LOOPBACK_HOSTS
    if not plain_host or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise _unusable()
    if not (allow_loopback if local else _is_public(host)):
        raise _unusable()
    if not local and hosts is not None and host not in hosts:
        raise _foreign_host(sorted(hosts))
    return (url or "").rstrip("/")


def is_public_address(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an IP address is globally reachable, and is not an IPv6 address that contains an IPv4 address."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv6Address):
        return not address.is_site_local and not any(address in network for network in _EMBED_IPV4)
    return True


def _is_public(host: str) -> bool:
    """Tell whether a host is a name with a dot, or an IP address that is globally reachable."""
    try:
        return is_public_address(ip_address(host))
    except ValueError:
        first, _, last = host.rstrip(".").rpartition(".")
        # Non-ASCII characters may be mapped to others. A resolver reads "127.1" and "0x7f000001" as addresses.
        return host.isascii() and bool(first) and last != "localhost" and not last[:1].isdigit()


def _unusable() -> WalletConnectionError:
    return WalletConnectionError(
        "The wallet definition has no usable address of its venue.",
        hint="Ask an admin to set api_config.base_url to the https address of the venue.",
    )


def _foreign_host(hosts: Collection[str]) -> WalletConnectionError:
    return WalletConnectionError(
        f"The address in the wallet definition is not one of its venue. The venue's hosts are {', '.join(hosts)}.",
        hint="Ask an admin to correct api_config. The parameter VenueHosts of the deployment can add hosts.",
    )
